"""Keys, uses and revocations of signed links."""

from datetime import UTC, datetime, timedelta

from monitor.store import Store, links
from monitor.store.links import AGE, Use

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANA, BEN = Use(NOW, "Ana Lopes"), Use(NOW + HOUR, "Ben Sousa")


async def test_the_key_is_made_on_first_use_and_stays(store: Store) -> None:
    async with store.begin() as conn:
        made = await links.key(conn, NOW)
        assert len(made) == 32
        assert await links.key(conn, NOW + HOUR) == made
        assert await links.verifying(conn) == (made,)


async def test_an_old_key_signs_no_more_but_opens_what_it_signed(store: Store) -> None:
    async with store.begin() as conn:
        old = await links.key(conn, NOW)
        new = await links.key(conn, NOW + AGE)
        assert old != new
        assert await links.verifying(conn) == (new, old)
        newest = await links.key(conn, NOW + 2 * AGE + HOUR)
        assert await links.verifying(conn) == (newest, new)


async def test_forgotten_keys_open_nothing(store: Store) -> None:
    async with store.begin() as conn:
        old = await links.key(conn, NOW)
        await links.forget_keys(conn)
        assert await links.verifying(conn) == ()
        assert await links.key(conn, NOW) != old


async def test_the_first_use_counts(store: Store) -> None:
    async with store.begin() as conn:
        assert await links.claim(conn, b"one", "acknowledge", ANA, "ana") == ANA
        assert await links.claim(conn, b"one", "acknowledge", BEN, "ben/phone") == ANA
        assert await links.claim(conn, b"one", "resolve", BEN, "ben/phone") == BEN
        assert await links.claim(conn, b"two", "acknowledge", BEN, "ben/phone") == BEN
    async with store.connect() as conn:
        assert await links.uses(conn, b"one") == {"acknowledge": ANA, "resolve": BEN}
        assert await links.uses(conn, b"three") == {}


async def test_who_confirmed_since_then(store: Store) -> None:
    async with store.begin() as conn:
        await links.claim(conn, b"one", "confirm", ANA, "ana")
        await links.claim(conn, b"two", "confirm", BEN, "ben/phone")
        await links.claim(conn, b"three", "acknowledge", BEN, "chat")
        assert await links.answered(conn, "confirm", NOW) == {"ana", "ben/phone"}
        assert await links.answered(conn, "confirm", NOW + HOUR) == {"ben/phone"}


async def test_a_revocation_makes_void_what_was_made_before_it(store: Store) -> None:
    async with store.begin() as conn:
        await links.revoke(conn, "ana", NOW)
        assert await links.is_revoked(conn, "ana", NOW - HOUR)
        assert not await links.is_revoked(conn, "ana", NOW + HOUR)
        assert not await links.is_revoked(conn, "ben/phone", NOW - HOUR)
        await links.revoke(conn, "ana", NOW + 2 * HOUR)
        assert await links.is_revoked(conn, "ana", NOW + HOUR)
