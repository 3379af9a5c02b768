"""The page of the reviews: when each is due, who did it before, and the form to sign one off."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient
from ulid import ULID

from monitor.config.model import Check
from monitor.store import signoffs
from monitor.store.signoffs import Signoff
from probes import load

FormKey = Callable[[], Awaitable[str]]
PAGE, SIGN = "/reviews", "/reviews/sign-off"
CHECK = "restore/review"
DAY = timedelta(days=1)
EVIDENCE = "restored ledger.csv\r\nof Monday"
EVIL = "<script>alert(1)</script>\u202e"


def now() -> datetime:
    """When a test runs: its file was read half an hour before, maybe on another day."""
    return datetime.now(UTC)


@pytest.fixture
def add(space, make_asset) -> Callable[..., str]:
    """Adds a review that is due in so many days."""

    def added(id: str, days: int, **settings: str) -> str:
        asset = make_asset(id, f"{id} test", "services")
        given = {
            "what": "Restore one file.",
            "every": "3 months",
            "first": f"{now() + days * DAY:%Y-%m-%d}",
            **settings,
        }
        params = load("passive.review").Params.model_validate(given)
        check = Check(f"{id}/review", id, "review", "passive.review", 3600, 60, asset.checks[0].confirm, params, ())
        space.add(replace(asset, checks=(check,)))
        return check.id

    return added


async def text(person: TestClient, path: str = PAGE) -> str:
    answer = await person.get(path)
    assert answer.status == 200
    return await answer.text()


async def kept(space) -> tuple[Signoff, ...]:
    async with space.store.connect() as conn:
        return await signoffs.page(conn)


async def signed(space, check: str, days: float = 0, note: str = EVIDENCE, link: str = "") -> None:
    at = now() - days * DAY
    async with space.store.begin() as conn:
        await signoffs.save(conn, Signoff(str(ULID()), check, at, "Mara", note, at, {}, link))


async def test_nobody_gets_in_without_signing_in(stranger: TestClient, add) -> None:
    add("restore", 5)
    for answer in (await stranger.get(PAGE), await stranger.post(SIGN, data={"check": CHECK, "note": EVIDENCE})):
        assert answer.status == 401
        assert "Restore one file" not in await answer.text()


async def test_without_reviews_it_says_so_and_is_in_the_navigation(person: TestClient) -> None:
    page = await text(person)
    assert "no check of the kind <code>passive.review</code>" in page
    assert '<a href="/reviews" aria-current="page">Reviews</a>' in page


async def test_what_is_due_first_comes_first_with_its_state_in_words(person: TestClient, add) -> None:
    add("far", 40)
    add("near", 5)
    add("late", -3)
    page = await text(person)
    order = ["late test", "Overdue", "Was due on", "near test", "Due soon", "far test", "In time"]
    assert sorted(order, key=page.index) == order
    assert page.count("Never</dd>") == 3
    assert f"{now() - 3 * DAY:%a %d %B %Y}" in page


async def test_how_often_it_falls_due_is_said_in_words(person: TestClient, add) -> None:
    for id, every in (("a", "1 year"), ("b", "18 months"), ("c", "21d"), ("d", "90 days")):
        add(id, 300, every=every)
    page = await text(person)
    said = [f"</time>, {words}</dd>" for words in ("every year", "every 18 months", "every 3 weeks", "every 90 days")]
    assert [words for words in said if words not in page] == []


async def test_its_history_is_shown_with_evidence_as_text(space, person: TestClient, add) -> None:
    add("restore", -3, what=f"Restore one file. {EVIL}")
    await signed(space, CHECK, 2, EVIL)
    await signed(space, CHECK, 1, "and again, 12 min", "https://wiki.example.org/r?a=1&b=2")
    page = await text(person)
    assert "In time" in page
    assert page.index("and again, 12 min") < page.rindex(
        "&lt;script&gt;alert(1)&lt;/script&gt;\N{REPLACEMENT CHARACTER}<"
    )
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert '<a href="https://wiki.example.org/r?a=1&amp;b=2" rel="noopener noreferrer">' in page


async def test_a_long_history_is_cut(space, person: TestClient, add) -> None:
    add("restore", 5)
    for number in range(10):
        await signed(space, CHECK, number, f"number {number} of ten")
    page = await text(person)
    assert "number 7 of ten" in page
    assert "number 8 of ten" not in page


async def test_a_sign_off_is_kept_in_the_name_of_whoever_asks_and_moves_the_day(
    space, person: TestClient, form_key: FormKey, add
) -> None:
    add("restore", -3)
    form = {"form_key": await form_key(), "check": CHECK, "note": EVIDENCE, "link": "https://w.example/1"}
    answer = await person.post(SIGN, data=form, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, PAGE)
    (one,) = await kept(space)
    assert (one.check, one.note, one.link, one.figures) == (CHECK, "restored ledger.csv\nof Monday", form["link"], {})
    assert one.who
    page = await text(person)
    assert "In time" in page
    assert f"<bdi>{one.who}</bdi>" in page


async def test_only_a_form_of_ours_signs(space, person: TestClient, add) -> None:
    add("restore", 5)
    answer = await person.post(SIGN, data={"form_key": "forged", "check": CHECK, "note": EVIDENCE})
    assert answer.status == 403
    assert await kept(space) == ()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"note": "done"}, "write what was done and found"),
        ({"note": "n" * 2001}, "the note has 2,001 characters"),
        ({"link": "javascript:alert(1)//restored"}, "the link must be a web address"),
        ({"check": "nothing/review"}, "there is no review &#39;nothing/review&#39;"),
    ],
)
async def test_what_cannot_be_signed_is_said_and_what_was_typed_stays(
    space, person: TestClient, form_key: FormKey, add, changed: dict[str, str], words: str
) -> None:
    add("restore", 5)
    form = {"form_key": await form_key(), "check": CHECK, "note": EVIDENCE, "link": "", **changed}
    answer = await person.post(SIGN, data=form)
    page = await answer.text()
    assert answer.status == 400
    assert words in page
    assert "check" in changed or f">\n{form['note'][:8]}" in page
    assert 'href="javascript' not in page
    assert await kept(space) == ()


async def test_the_sign_off_of_an_audit_counts_for_the_review_that_names_it(
    space, person: TestClient, make_asset, add
) -> None:
    asset = make_asset("doors", "Doors", "doors")
    files = {side: {"source": "csv", "file": "/nowhere"} for side in ("locks", "members")}
    params = load("access.credentials").Params.model_validate(files)
    audit = Check("doors/keys", "doors", "keys", "access.credentials", 3600, 60, asset.checks[0].confirm, params, ())
    space.add(replace(asset, checks=(audit,)))
    add("keys", -3, of="doors/keys")
    page = await text(person)
    assert "Overdue" in page
    assert '<a href="/audits/credentials">' in page
    await signed(space, "doors/keys", note="two cards back")
    page = await text(person)
    assert "In time" in page
    assert "two cards back" in page
    assert "signed as doors/keys" in page


async def test_the_page_of_the_audit_shows_none_of_the_reviews(space, person: TestClient, add) -> None:
    add("restore", 5)
    await signed(space, CHECK, note="restored one file")
    assert "restored one file" not in await text(person, "/audits/credentials")


async def test_the_page_of_the_asset_leads_there(person: TestClient, add) -> None:
    add("restore", 5)
    page = await text(person, "/assets/restore")
    assert page.count('href="/reviews"') == 2
