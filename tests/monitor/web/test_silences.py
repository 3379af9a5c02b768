"""Silences as pages: preview, begin, end, and what is refused."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient

from alerting.gates import Matcher, Silence

BERLIN = ZoneInfo("Europe/Berlin")
FormKey = Callable[[], Awaitable[str]]
HOUR = timedelta(hours=1)
FORM = {"conditions": "asset=printer", "lasts": "4h", "starts": "", "comment": "new drum"}
PATHS = ("/silences", "/silences/preview")


async def text_of(client: TestClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def post(client: TestClient, path: str, key: FormKey, **changes: str) -> tuple[int, str]:
    answer = await client.post(path, data={**FORM, "form_key": await key(), **changes})
    return answer.status, await answer.text()


async def test_a_silence_is_shown_what_it_holds_back_before_it_begins(
    harbour, person: TestClient, form_key: FormKey
) -> None:
    status, page = await post(person, "/silences/preview", form_key, conditions="section=~uplinks|doors\r\n rule!=loss")
    assert status == 200
    assert "This would be silent" in page
    for name in ("Nordnet fibre", "LTE backup", "Street door", "Hall door"):
        assert name in page
    assert "Printer, 2nd floor" not in page
    assert page.count("wrong right now") == 2
    assert harbour.silences == ()


async def test_a_silence_that_was_looked_at_begins_with_one_button(
    harbour, person: TestClient, form_key: FormKey
) -> None:
    _, page = await post(person, "/silences/preview", form_key)
    hidden = page.partition('action="/silences">')[2].partition("</form>")[0]
    for name, value in FORM.items():
        assert f'name="{name}" value="{value}"' in hidden
    status, page = await post(person, "/silences", form_key)
    assert status == 200
    assert "Silent now" in page
    assert "asset=printer" in page
    (begun,) = harbour.silences
    assert begun.matchers == (Matcher("asset", "=", "printer"),)
    assert (begun.author, begun.comment, begun.ends - begun.starts) == ("admin", "new drum", 4 * HOUR)


async def test_a_silence_can_begin_later_on_the_clock_of_the_site(
    harbour, person: TestClient, form_key: FormKey
) -> None:
    tomorrow = datetime.now(BERLIN).replace(hour=6, minute=0, second=0, microsecond=0) + timedelta(days=1)
    _, page = await post(person, "/silences", form_key, starts=f"{tomorrow:%Y-%m-%dT%H:%M}")
    assert "To come" in page
    assert [one.starts for one in harbour.silences] == [tomorrow.astimezone(UTC)]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"conditions": ""}, "the silence has no condition"),
        ({"conditions": "asset=~.*"}, "no condition names less than the whole site"),
        ({"conditions": "site=harbour"}, "no condition names less than the whole site"),
        ({"conditions": "assett=printer"}, "did you mean `asset`?"),
        ({"conditions": "asset=~("}, "cannot be used"),
        ({"lasts": "for ever"}, "must be a duration"),
        ({"lasts": "91d"}, "within 90 days"),
        ({"starts": "tomorrow"}, "must be a time like"),
        ({"starts": "2020-01-01T10:00"}, "begins in the past"),
        ({"comment": " "}, "the silence has no comment"),
    ],
)
async def test_a_silence_that_makes_no_sense_is_refused_with_the_reason(
    harbour, person: TestClient, form_key: FormKey, path: str, changes: dict[str, str], said: str
) -> None:
    status, page = await post(person, path, form_key, **changes)
    assert status == 400
    assert "This silence cannot begin" in page
    assert said in page
    assert harbour.silences == ()


async def test_a_silence_over_nothing_is_said_to_be_one(harbour, person: TestClient, form_key: FormKey) -> None:
    status, page = await post(person, "/silences/preview", form_key, conditions="asset=printr")
    assert status == 200
    assert "Look for a typing error" in page


async def test_the_form_is_filled_in_for_an_asset_or_a_check(harbour, person: TestClient) -> None:
    assert "\nasset=printer</textarea>" in await text_of(person, "/silences?asset=printer")
    page = await text_of(person, "/silences?check=printer/ping&asset=<b>")
    assert "asset=&lt;b&gt;\ncheck=printer/ping</textarea>" in page


async def test_ending_a_silence_moves_it_to_those_that_are_over(harbour, person: TestClient, form_key: FormKey) -> None:
    await post(person, "/silences", form_key)
    (begun,) = harbour.silences
    status, page = await post(person, f"/silences/{begun.id}/end", form_key)
    assert status == 200
    assert "Silent now" not in page
    assert "Over" in page
    assert "new drum" in page


@pytest.mark.parametrize("id", ["01Z", "%00", "a b"])
async def test_a_silence_that_does_not_exist_cannot_be_ended(
    harbour, person: TestClient, form_key: FormKey, id: str
) -> None:
    assert (await post(person, f"/silences/{id}/end", form_key))[0] == 404


@pytest.mark.parametrize("path", [*PATHS, "/silences/01Z/end"])
async def test_no_silence_without_a_session_and_its_form(stranger: TestClient, path: str) -> None:
    assert (await stranger.post(path, data=FORM)).status == 401


@pytest.mark.parametrize("path", [*PATHS, "/silences/01Z/end"])
async def test_no_silence_from_another_page(harbour, person: TestClient, path: str) -> None:
    assert (await person.post(path, data={**FORM, "form_key": "wrong"})).status == 403


async def test_what_people_wrote_is_text(harbour, person: TestClient) -> None:
    now = datetime.now(UTC)
    hostile = "<script>alert(1)</script>\u202e"
    await harbour.silence(Silence("01A", (Matcher("asset", "=", hostile),), now, now + HOUR, hostile, hostile, now))
    page = await text_of(person, "/silences")
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert page.count("&lt;script&gt;alert") >= 3
