"""Users, tokens and the audit log in the store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.config.model import Retention
from monitor.people.roles import Role
from monitor.store import Store, audit_log, retention, sessions, tokens, users
from monitor.store.audit_log import Entry, Wanted
from monitor.store.sessions import Session
from monitor.store.tokens import Token
from monitor.store.users import User

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANA = User("01A", "ana", NOW, "hash", roles={"harbour": Role.VIEWER, "*": Role.OPERATOR})
BEA = User("01B", "bea", NOW, subject="https://login.example 4711", totp="SECRET", totp_step=7, disabled=True)
TOKEN = Token("01T", "grafana", "01A", "harbour", Role.VIEWER, "ana", NOW, NOW + HOUR)


async def test_a_user_comes_back_as_they_were(store: Store) -> None:
    async with store.begin() as conn:
        await users.add(conn, BEA)
        await users.add(conn, ANA)
    async with store.connect() as conn:
        assert await users.everybody(conn) == (ANA, BEA)
        assert await users.get(conn, "01A") == await users.named(conn, "ana") == ANA
        assert await users.vouched(conn, "https://login.example 4711") == BEA
        assert await users.named(conn, "Ana") is None


async def test_of_two_roles_the_higher_one_counts_and_of_other_sites_none(store: Store) -> None:
    async with store.begin() as conn:
        await users.add(conn, ANA)
        await users.grant(conn, "01A", "elsewhere", Role.ADMIN)
        found = await users.get(conn, "01A")
        assert found is not None
        assert (found.role_at("harbour"), found.role_at("elsewhere")) == (Role.OPERATOR, Role.ADMIN)
        await users.withdraw(conn, "01A", "*")
        found = await users.get(conn, "01A")
        assert found is not None
        assert (found.role_at("harbour"), found.role_at("third")) == (Role.VIEWER, None)
        assert replace(found, disabled=True).role_at("harbour") is None


async def test_a_step_of_the_app_and_a_recovery_code_count_once(store: Store) -> None:
    async with store.begin() as conn:
        await users.add(conn, BEA)
        assert [await users.use_step(conn, "01B", step) for step in (7, 8, 8, 6)] == [False, True, False, False]
        await users.keep_codes(conn, "01B", [b"one", b"two"])
        assert [await users.use_code(conn, "01B", code) for code in (b"one", b"one", b"three")] == [True, False, False]
        assert await users.codes_left(conn, "01B") == 1
        await users.keep_codes(conn, "01B", [])
        assert await users.codes_left(conn, "01B") == 0


async def test_whoever_is_removed_leaves_no_token_role_or_code(store: Store) -> None:
    async with store.begin() as conn:
        await users.add(conn, ANA)
        await users.keep_codes(conn, "01A", [b"one"])
        await tokens.add(conn, TOKEN, b"digest")
        await users.remove(conn, "01A")
        await users.add(conn, replace(ANA, roles={}))
        assert await users.get(conn, "01A") == replace(ANA, roles={})
        assert await tokens.page(conn) == ()
        assert await users.codes_left(conn, "01A") == 0


async def test_a_token_is_found_by_its_digest_at_its_site_until_it_ends(store: Store) -> None:
    everywhere = replace(TOKEN, id="01U", user=None, site="*", created=NOW + HOUR / 2)
    async with store.begin() as conn:
        await users.add(conn, ANA)
        await tokens.add(conn, TOKEN, b"digest")
        await tokens.add(conn, everywhere, b"other")
        assert await tokens.find(conn, b"digest", "harbour", NOW) == TOKEN
        assert await tokens.find(conn, b"digest", "elsewhere", NOW) is None
        assert await tokens.find(conn, b"other", "elsewhere", NOW) == everywhere
        assert await tokens.find(conn, b"digest", "harbour", NOW + HOUR) is None
        await tokens.touch(conn, "01T", NOW)
        assert await tokens.page(conn) == (everywhere, replace(TOKEN, seen=NOW))
        assert await tokens.page(conn, "01A") == (replace(TOKEN, seen=NOW),)
        assert await tokens.revoke(conn, "01T") == replace(TOKEN, seen=NOW)
        assert await tokens.revoke(conn, "01T") is None


async def test_the_audit_log_is_read_newest_first_and_by_what_is_wanted(store: Store) -> None:
    entries = [
        Entry(NOW + n * HOUR, "ana \udcff" if n % 2 else "bea", "192.0.2.1", "silence begun" if n < 4 else "signed in")
        for n in range(6)
    ]
    async with store.begin() as conn:
        for one in entries:
            await audit_log.add(conn, one)
    async with store.connect() as conn:
        newest = await audit_log.page(conn, 4)
        assert [one.at for one in newest] == [NOW + n * HOUR for n in (5, 4, 3, 2)]
        assert [one.at for one in await audit_log.page(conn, 4, before=newest[-1].id)] == [NOW + HOUR, NOW]
        assert newest[0].who == "ana \N{REPLACEMENT CHARACTER}"
        assert len(await audit_log.page(conn, 9, Wanted(who="bea", what="silence begun"))) == 2
        found = await audit_log.page(conn, 9, Wanted(since=NOW + HOUR, until=NOW + 3 * HOUR))
        assert [one.at for one in found] == [NOW + 2 * HOUR, NOW + HOUR]
        assert await audit_log.kinds(conn) == ("signed in", "silence begun")


async def test_the_audit_log_is_kept_for_its_own_time(store: Store) -> None:
    async with store.begin() as conn:
        await audit_log.add(conn, Entry(NOW, "ana", "", "signed in", "x" * 500))
        await retention.prune(conn, NOW + timedelta(days=1100), Retention())
        (kept,) = await audit_log.page(conn, 9)
        assert len(kept.target) == audit_log.LONGEST
        await retention.prune(conn, NOW + timedelta(days=1101), Retention())
        assert await audit_log.page(conn, 9) == ()


async def test_sessions_from_before_there_were_accounts_go_on(store: Store) -> None:
    async with store.begin() as conn:
        await sessions.create(conn, Session(b"old", "admin", NOW, NOW, NOW + HOUR))
        found = await sessions.find(conn, b"old", NOW)
    assert found is not None
    assert (found.user, found.address, found.agent, len(found.id)) == (None, "", "", 6)
