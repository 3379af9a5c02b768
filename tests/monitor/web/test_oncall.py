"""The page about being on call, as a browser without JavaScript gets it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from aiohttp.test_utils import TestClient
from pydantic import SecretStr

from alerting.oncall import Contact, Override, Period, Person, Rotation, Schedule
from alerting.routes import Route, Step
from alerting.rules import Severity

FormKey = Callable[[], Awaitable[str]]
ALL = frozenset(Severity)
PEOPLE = (
    Person("ana", "Ana Lopes", (Contact("ana", ALL),)),
    Person("ben", "<b>Ben</b>\x1b Sousa", (Contact("ben/phone", ALL),)),
)
HOUR = timedelta(hours=1)


class Text(HTMLParser):
    """What a browser shows of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(html)

    def handle_data(self, text: str) -> None:
        self.words += text.split()

    def __str__(self) -> str:
        return " ".join(self.words)


async def read(client: TestClient, path: str = "/on-call", status: int = 200) -> str:
    answer = await client.get(path)
    assert answer.status == status, await answer.text()
    return str(Text(await answer.text()))


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def rota(space, make_asset):
    """A space with one uplink, two people and a weekly schedule that began a while ago, with Ana."""
    zone = space.config.site.hours.zone
    starts = (now() - 36 * HOUR).astimezone(zone).replace(tzinfo=None, second=0, microsecond=0)
    schedule = Schedule("it", zone, Rotation(("ana", "ben"), Period.WEEK, 1, starts), fallback=("chat",))
    pager = Route("pager", steps=(Step(0, ("it",)), Step(600, ("ben", "chat"))))
    space.add(make_asset("fibre", "Nordnet fibre", "uplinks"))
    space.config = replace(
        space.config,
        people=PEOPLE,
        schedules=(schedule,),
        routes=(Route("chat", frozenset()), pager),
        destinations={"chat": SecretStr("json://127.0.0.1")},
    )
    return space


def override(person: str, starts: datetime, ends: datetime) -> Override:
    return Override("01ABC", "it", person, starts, ends, "admin", now())


async def test_it_says_who_is_on_call_and_who_comes_next(rota, person: TestClient) -> None:
    text = await read(person)
    assert "Schedule Who Until it Ana Lopes" in text
    assert text.index("Ana Lopes") < text.index("Ben") < text.rindex("Ana Lopes")
    assert "Nobody" not in text


async def test_a_stranger_sees_and_changes_nothing(rota, stranger: TestClient) -> None:
    assert (await stranger.get("/on-call")).status == 401
    assert (await stranger.post("/on-call/overrides", data={})).status == 401
    assert (await stranger.post("/on-call/overrides/01ABC/remove")).status == 401


async def test_names_are_text_and_never_markup(rota, person: TestClient) -> None:
    html = await (await person.get("/on-call")).text()
    assert "&lt;b&gt;Ben&lt;/b&gt;\N{REPLACEMENT CHARACTER} Sousa" in html


async def test_a_gap_is_said_in_words(rota, person: TestClient) -> None:
    rota.config = replace(rota.config, schedules=(replace(rota.config.schedules[0], rotation=None),))
    assert "Nobody is on call for a while it: from now on, for two weeks or more" in await read(person)
    rota.overrides = (override("ana", now() - HOUR, now() + 3 * HOUR),)
    text = await read(person)
    assert "Nobody is on call for a while it: from" in text
    assert "it Ana Lopes" in text


async def test_without_schedules_it_says_so(space, person: TestClient) -> None:
    assert "the configuration has no on_call" in await read(person)


async def test_somebody_takes_over_and_gives_it_back(rota, person: TestClient, form_key: FormKey) -> None:
    noon = now().astimezone(rota.config.site.hours.zone).replace(hour=12, minute=0, second=0, microsecond=0)
    begin, end = noon - timedelta(days=1), noon + timedelta(days=1)
    times = {"starts": f"{begin:%Y-%m-%dT%H:%M}", "ends": f"{end:%Y-%m-%dT%H:%M}"}
    form = {"form_key": await form_key(), "schedule": "it", "person": "ben", **times}
    answer = await person.post("/on-call/overrides", data=form, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/on-call")
    (made,) = rota.overrides
    assert (made.person, made.author, made.starts, made.ends) == ("ben", "admin", begin, end)
    assert "it <b>Ben</b>" in await read(person)
    remove = f"/on-call/overrides/{made.id}/remove"
    assert (await person.post(remove, data={"form_key": form["form_key"]}, allow_redirects=False)).status == 303
    assert rota.overrides == ()
    assert "it Ana Lopes" in await read(person)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"person": "zoe"}, "there is no person 'zoe'"),
        ({"schedule": "i"}, "there is no on-call schedule 'i'"),
        ({"ends": "2026-01-01T00:00"}, "over before it begins"),
        ({"ends": "2099-01-01T00:00"}, "too long"),
        ({"starts": "soon"}, "the time 'soon' must be like"),
    ],
)
async def test_a_form_that_makes_no_sense_comes_back_with_the_reason(
    rota, person: TestClient, form_key: FormKey, change: dict[str, str], words: str
) -> None:
    form = {"form_key": await form_key(), "schedule": "it", "person": "ben", "starts": "", "ends": "sun 10:00"} | change
    answer = await person.post("/on-call/overrides", data=form)
    assert answer.status == 400
    assert words in str(Text(await answer.text()))
    assert rota.overrides == ()


async def test_without_the_key_of_the_session_nothing_changes(rota, person: TestClient) -> None:
    rota.overrides = (override("ben", now(), now() + HOUR),)
    for path in ("/on-call/overrides", "/on-call/overrides/01ABC/remove"):
        assert (await person.post(path, data={"ends": "sun 10:00"})).status == 403
    assert len(rota.overrides) == 1


async def test_an_override_by_somebody_who_is_gone_is_shown_as_ignored(rota, person: TestClient) -> None:
    rota.overrides = (override("zoe", now() - HOUR, now() + HOUR),)
    text = await read(person)
    assert "zoe has it" in text
    assert "ignored: the person or the schedule is no longer in the configuration" in text
    assert "it Ana Lopes" in text


async def test_an_override_that_is_over_is_not_shown(rota, person: TestClient) -> None:
    rota.overrides = (override("ben", now() - 3 * HOUR, now() - HOUR),)
    assert "Overrides" not in await read(person)


async def test_it_answers_who_would_be_paged(rota, person: TestClient) -> None:
    text = await read(person, "/on-call?asset=fibre&severity=critical&at=")
    assert "at once Ana Lopes, on call for it (ana) pager 10 min <b>Ben</b>" in text
    assert "chat pager" in text


async def test_nobody_who_would_be_paged_is_said_loudly(rota, person: TestClient) -> None:
    rota.config = replace(rota.config, routes=(Route("pager", steps=(Step(0, ("gone",)),)),))
    assert "at once Nobody pager" in await read(person, "/on-call?asset=fibre&severity=critical")
    rota.config = replace(rota.config, routes=())
    assert "Nobody: no route wants to hear of it." in await read(person, "/on-call?asset=fibre&severity=warning")


@pytest.mark.parametrize("query", ["asset=x", "asset=fibre&severity=awful", "asset=fibre&at=soon", "asset=%00"])
async def test_a_question_that_makes_no_sense_is_answered_with_the_reason(rota, person: TestClient, query: str) -> None:
    assert "That did not work" in await read(person, f"/on-call?{query}", 400)


async def test_a_rotation_by_the_hour_does_not_fill_the_page(rota, person: TestClient) -> None:
    hourly = replace(rota.config.schedules[0].rotation, period=Period.HOUR)
    rota.config = replace(rota.config, schedules=(replace(rota.config.schedules[0], rotation=hourly),))
    assert "more hand-offs" in await read(person)
