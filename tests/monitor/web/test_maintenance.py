"""Planned work as a page: the calendar on the site's clock, what is on, and what comes next."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestClient

from alerting.gates import Maintenance, Recurring, Scope, Window
from alerting.hours import OpeningHours
from monitor.web.maintenance import Day, calendar

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = date(2026, 3, 23)
"""Of the week on whose Sunday clocks are put forward."""


def plan(id: str, *windows: Window | Recurring, **more: object) -> Maintenance:
    return Maintenance(id, f"Work {id}", more.pop("scope", Scope()), BERLIN, windows, **more)  # type: ignore[arg-type]


def berlin(*when: int) -> datetime:
    return datetime(*when, tzinfo=BERLIN)  # type: ignore[arg-type, misc]


async def text_of(client: TestClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    return await answer.text()


@pytest.fixture
def planned(harbour):
    """Plan work, at a site in Berlin that is open from eight to eight on weekdays."""
    week = (((time(8), time(20)),),) * 5 + ((),) * 2

    def plan_it(*plans: Maintenance):
        site = replace(harbour.config.site, hours=OpeningHours(BERLIN, week))
        harbour.config = replace(harbour.config, site=site, maintenances=plans)
        return harbour.config

    return plan_it


def told(days: tuple[Day, ...]) -> list[str]:
    """What the days have, as people would write it down."""
    return [
        f"{day.date:%a %d} {'all day' if one.is_whole else f'{one.starts:%H:%M}-{one.until}'} {one.plan.id}"
        for day in days
        for one in day.times
    ]


def test_each_day_has_what_lies_in_it_on_the_clock_of_the_site(planned) -> None:
    night = Recurring(frozenset({1}), frozenset(), time(23), 2 * 3600)
    config = planned(
        plan("rewiring", Window(berlin(2026, 3, 26, 18), berlin(2026, 3, 28, 6))),
        plan("backup", night),
        plan("before", Window(berlin(2026, 3, 20, 18), berlin(2026, 3, 23, 0))),
        plan("after", Window(berlin(2026, 3, 30, 0), berlin(2026, 3, 30, 1))),
    )
    days = calendar(config, MONDAY, 7)
    assert [day.date for day in days] == [MONDAY + n * DAY for n in range(7)]
    assert told(days) == [
        "Tue 24 23:00-24:00 backup",
        "Wed 25 00:00-01:00 backup",
        "Thu 26 18:00-24:00 rewiring",
        "Fri 27 all day rewiring",
        "Sat 28 00:00-06:00 rewiring",
    ]


def test_it_says_how_much_of_the_work_the_site_is_open(planned) -> None:
    config = planned(plan("rewiring", Window(berlin(2026, 3, 26, 18), berlin(2026, 3, 28, 6))))
    opens = [one.open for day in calendar(config, MONDAY, 7) for one in day.times]
    assert opens == [2 * HOUR, 12 * HOUR, timedelta()]


def test_a_day_on_which_clocks_are_put_forward_is_a_whole_one(planned) -> None:
    config = planned(plan("move", Window(berlin(2026, 3, 29), berlin(2026, 3, 30))))
    days = calendar(config, MONDAY, 8)
    assert told(days) == ["Sun 29 all day move"]
    (one,) = days[6].times
    assert one.ends.astimezone(UTC) - one.starts.astimezone(UTC) == 23 * HOUR


def test_times_of_one_piece_of_work_that_overlap_are_one(planned) -> None:
    config = planned(
        plan("cables", *(Window(berlin(2026, 3, 24, h), berlin(2026, 3, 24, h + 2)) for h in (9, 10))),
        plan("paint", Window(berlin(2026, 3, 24, 10), berlin(2026, 3, 24, 11))),
    )
    assert told(calendar(config, MONDAY, 7)) == ["Tue 24 09:00-12:00 cables", "Tue 24 10:00-11:00 paint"]


async def test_the_page_has_five_weeks_from_this_one_on_and_leads_to_others(
    planned, person: TestClient, stopped: datetime
) -> None:
    today = stopped.astimezone(BERLIN).date()
    planned(plan("paint", Window(stopped + 8 * DAY, stopped + 8 * DAY + HOUR)))
    page = await text_of(person, "/maintenance")
    monday = today - today.weekday() * DAY
    assert page.count("<li class=") == 35
    assert f'datetime="{monday}"' in page
    assert page.count('aria-current="date"') == 1
    later = await text_of(person, f"/maintenance?week={monday + 37 * DAY}")
    assert f'datetime="{monday + 35 * DAY}"' in later
    assert "Nothing is planned in these weeks" in later
    assert 'href="/maintenance">This week' in later
    assert f"/maintenance?week={monday}" in later


@pytest.mark.parametrize("week", ["monday", "2026-02-30", "9999-12-31", "1970-01-01", "\0"])
async def test_a_week_that_cannot_be_shown_is_refused(week: str, person: TestClient) -> None:
    answer = await person.get("/maintenance", params={"week": week})
    assert answer.status == 400
    assert "must be a day like" in await answer.text()


async def test_the_farthest_weeks_lead_no_farther(person: TestClient, stopped: datetime) -> None:
    today = stopped.astimezone(BERLIN).date()
    assert "Later weeks" not in await text_of(person, f"/maintenance?week={today + 400 * DAY}")
    assert "Earlier weeks" not in await text_of(person, f"/maintenance?week={today - 400 * DAY}")


async def test_planned_work_shows_what_is_on_and_what_comes_next(planned, person: TestClient) -> None:
    now = datetime.now(UTC)
    night = Recurring(frozenset(range(7)), frozenset(), time(3), 1800)
    planned(
        plan("past", Window(now - 3 * HOUR, now - 2 * HOUR)),
        plan("later", Window(now + 60 * 24 * HOUR, now + 61 * 24 * HOUR), scope=Scope(assets=frozenset({"fibre"}))),
        plan("nightly", night, scope=Scope(sections=frozenset({"wifi"}), tags=frozenset({"floor-2"})), skip=True),
        plan("now", Window(now - HOUR, now + HOUR)),
    )
    page = (await text_of(person, "/maintenance")).partition('class="forms"')[2]
    assert "Work past" not in page
    assert page.index("Work now") < page.index("Work nightly") < page.index("Work later")
    assert page.count("on until") in (1, 2)  # the nightly one may be on as well
    for said in (
        "the whole site",
        "Nordnet fibre",
        "everything in wifi",
        "everything tagged floor-2",
        "It is not measured",
        "for 30 min",
        "more times in 30 days",
        "Not again",
    ):
        assert said in page


async def test_without_planned_work_the_page_says_so(harbour, person: TestClient) -> None:
    assert "No work is planned" in await text_of(person, "/maintenance")
