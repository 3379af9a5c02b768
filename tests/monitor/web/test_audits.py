"""The page about who can enter: with names for who has signed in, and for nobody else."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient
from peers.canaries import canary

from monitor.audits import fingerprint
from monitor.config.model import Check
from monitor.store import signoffs
from probes import Reading, Status, load
from probes._engines.credentials import Audit, Policy, Remembered, audit
from probes._engines.rosters import Credential, Keys, Member, card_digest

FormKey = Callable[[], Awaitable[str]]
PAGE, SIGN = "/audits/credentials", "/audits/credentials/sign-off"
CHECK = "street/credentials"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
CARD, SALT = canary("card"), "00" * 16
EVIL = "<script>alert(1)</script>\u202e"


@pytest.fixture
def doors(space, make_asset) -> None:
    """A site with an audit of its doors."""
    asset = make_asset("street", "Street door", "doors")
    files = {side: {"source": "csv", "file": "/nowhere"} for side in ("locks", "members")}
    params = load("access.credentials").Params.model_validate(files)
    mine = Check(CHECK, "street", "credentials", "access.credentials", 3600, 60, asset.checks[0].confirm, params, ())
    space.add(replace(asset, checks=(*asset.checks, mine)))


def made(*orphans: str, at: datetime = NOW) -> Audit:
    """An audit in which these people, and Dan whose card Eve has too, are not as they should be."""
    shared = card_digest(CARD, SALT)
    has = [Credential(name, Keys(email=f"{name.casefold()}@example.com")) for name in orphans]
    has += [Credential(name, Keys(name, card=shared)) for name in ("Dan", "Eve")]
    may = [Member(name, Keys(name)) for name in ("Dan", "Eve")]
    may += [Member("Fay", Keys(email="fay@example.com"), since=at - DAY), Member("Gus", Keys("G"), since=at)]
    return audit(has, may, Remembered(SALT), Policy(grace=0), at)[0]


async def text(person: TestClient, status: int = 200) -> str:
    answer = await person.get(PAGE)
    assert answer.status == status
    return await answer.text()


async def test_nobody_gets_in_without_signing_in(space, stranger: TestClient, doors) -> None:
    space.audits.take(CHECK, made("Ana"))
    for answer in (await stranger.get(PAGE), await stranger.post(SIGN, data={"check": CHECK})):
        assert answer.status == 401
        assert "Ana" not in await answer.text()


async def test_findings_come_in_order_of_harm_with_what_to_do(space, person: TestClient, doors) -> None:
    space.audits.take(CHECK, made("Ana"))
    page = await text(person)
    order = ["Can enter without a contract", "Ana", "Have a contract and cannot enter", "Fay"]
    order += ["Share a card", "Dan, Eve", "Not due yet", "Gus"]
    assert sorted(order, key=page.index) == order
    assert "Switch the credential off in the access system" in page
    assert "ana@example.com" in page
    assert "one card, 2 people" in page
    assert "have a contract and cannot enter" in page.partition("Not due yet")[2]


async def test_names_are_text_and_cards_are_nowhere(space, person: TestClient, doors) -> None:
    space.audits.take(CHECK, made(EVIL))
    page = await text(person)
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "canary-" not in page
    assert card_digest(CARD, SALT) not in page


async def test_when_all_is_well_it_says_so(space, person: TestClient, doors) -> None:
    ana = Keys("1")
    space.audits.take(CHECK, audit([Credential("Ana", ana)], [Member("Ana", ana)], Remembered(SALT), Policy(), NOW)[0])
    assert "Everybody who may enter can, and nobody else." in await text(person)


async def test_without_such_a_check_or_a_run_it_says_so(space, person: TestClient, make_asset) -> None:
    assert "no check of the kind" in await text(person)


async def test_before_the_first_run_and_after_one_without_conclusion_it_says_so(
    space, person: TestClient, doors
) -> None:
    assert "It has not run since Deskwatch started." in await text(person)
    space.audits.take(CHECK, made("Ana"))
    space.latest[CHECK] = Reading(CHECK, NOW, 1, Status.UNKNOWN, "no_source", "the list of <members> is empty")
    page = await text(person)
    assert "The newest run came to no conclusion: the list of &lt;members&gt; is empty." in page
    assert "Ana" in page


async def test_the_page_of_the_asset_leads_there(space, person: TestClient, doors) -> None:
    assert f'href="{PAGE}"' in await (await person.get("/assets/street")).text()


async def signed(person: TestClient, key: str, audit: Audit, **changed: str) -> tuple[int, str]:
    form = {"form_key": key, "check": CHECK, "seen": fingerprint(audit), "who": "Mara", "note": "done\r\nall"}
    answer = await person.post(SIGN, data={**form, **changed})
    return answer.status, await answer.text()


async def test_a_sign_off_is_kept_with_its_figures_and_shown(
    space, person: TestClient, form_key: FormKey, doors
) -> None:
    found = made("Ana")
    space.audits.take(CHECK, found)
    status, page = await signed(person, await form_key(), found)
    assert status == 200
    assert "Signed off" in page
    assert "orphaned: 1, missing: 1, duplicate: 1" in page
    async with space.store.connect() as conn:
        (one,) = await signoffs.page(conn)
    assert (one.who, one.note, one.check, one.audited) == ("Mara", "done\nall", CHECK, found.at)
    assert one.figures == found.figures
    assert "Ana" not in repr(one)


async def test_an_audit_that_has_found_the_same_again_can_be_signed(
    space, person: TestClient, form_key: FormKey, doors
) -> None:
    again = replace(made("Ana"), at=NOW + timedelta(hours=1))
    space.audits.take(CHECK, again)
    assert (await signed(person, await form_key(), made("Ana")))[0] == 200
    async with space.store.connect() as conn:
        assert (await signoffs.page(conn))[0].audited == again.at


async def test_only_a_form_of_ours_signs(space, person: TestClient, doors) -> None:
    space.audits.take(CHECK, made("Ana"))
    status, _ = await signed(person, "forged", made("Ana"))
    assert status == 403
    async with space.store.connect() as conn:
        assert await signoffs.page(conn) == ()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"who": "  "}, "write your name"),
        ({"who": "M" * 101}, "the name has 101 characters"),
        ({"note": "n" * 2001}, "the note has 2,001 characters"),
        ({"check": "nothing/credentials"}, "something has changed since you opened the page"),
        ({"seen": fingerprint(made("Ana", "Zoe"))}, "something has changed since you opened the page"),
    ],
)
async def test_what_cannot_be_signed_is_said_and_what_was_typed_stays(
    space, person: TestClient, form_key: FormKey, doors, changed: dict[str, str], words: str
) -> None:
    found = made("Ana")
    space.audits.take(CHECK, found)
    status, page = await signed(person, await form_key(), found, **changed)
    assert status == 400
    assert words in page
    assert "check" in changed or ">\ndone\nall</textarea>" in page or "note" in changed
    async with space.store.connect() as conn:
        assert await signoffs.page(conn) == ()


async def test_many_findings_are_cut_and_counted(space, person: TestClient, doors) -> None:
    space.audits.take(CHECK, made(*(f"Person{number}" for number in range(503))))
    assert "and 3 more" in await text(person)
