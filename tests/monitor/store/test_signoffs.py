"""Sign-offs of audits in the store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.config.model import Retention
from monitor.store import Store, retention, signoffs
from monitor.store.signoffs import Signoff

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
FIRST = Signoff(
    id="01A",
    check="doors/credentials",
    at=NOW,
    who="Ana \udcff",
    note="two cards taken back\nno 12 is lost",
    audited=NOW - timedelta(minutes=5),
    figures={"orphaned": 2, "missing": 0},
)
SECOND = replace(FIRST, id="01B", at=NOW + timedelta(days=90), figures={})


async def test_a_sign_off_comes_back_as_it_was_the_newest_first(store: Store) -> None:
    async with store.begin() as conn:
        assert await signoffs.page(conn) == ()
        await signoffs.save(conn, FIRST)
        await signoffs.save(conn, SECOND)
    async with store.connect() as conn:
        shown = "Ana \N{REPLACEMENT CHARACTER}"
        assert await signoffs.page(conn) == (replace(SECOND, who=shown), replace(FIRST, who=shown))
        assert [one.id for one in await signoffs.page(conn, 1)] == ["01B"]


async def test_sign_offs_are_kept_for_good(store: Store) -> None:
    async with store.begin() as conn:
        await signoffs.save(conn, FIRST)
        await retention.prune(conn, NOW + timedelta(days=4000), Retention())
        assert len(await signoffs.page(conn)) == 1


async def test_sign_offs_of_some_checks_are_found_by_themselves(store: Store) -> None:
    other = replace(FIRST, id="01C", check="restore/review", link="https://wiki.example.org/restore")
    async with store.begin() as conn:
        for one in (FIRST, SECOND, other):
            await signoffs.save(conn, one)
        assert await signoffs.page(conn, checks=["restore/review"]) == (
            replace(other, who="Ana \N{REPLACEMENT CHARACTER}"),
        )
        assert await signoffs.page(conn, checks=[]) == ()
        assert await signoffs.newest(conn, ["restore/review", "doors/credentials", "nothing/review"]) == {
            "restore/review": NOW,
            "doors/credentials": SECOND.at,
        }
        assert await signoffs.newest(conn, []) == {}
