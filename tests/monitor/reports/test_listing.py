"""Availability of everything over any time: what is listed, and which time counts."""

from datetime import UTC, datetime, timedelta

import pytest

from incidents.availability import Availability, Span
from monitor.config import Config
from monitor.reports.facts import Measured
from monitor.reports.listing import Counted, Row, rows
from probes import Status

START = datetime(2026, 7, 6, 22, 0, tzinfo=UTC)  # Tuesday in Berlin
HOUR = timedelta(hours=1)

SITE = """\
site: {id: harbour, name: Harbour, timezone: Europe/Berlin, capacity: 30, opening_hours: {mon-fri: "08:00-18:00"}}
uplinks:
  - {id: fibre, name: Fibre, checks: [{kind: internet.ping, host: 127.0.0.1}]}
  - {id: lte, name: LTE, people: 10, checks: [{kind: internet.ping, host: 127.0.0.2}]}
rooms:
  - {id: cedar, name: Cedar, people: 10, depends_on: [{any_of: [lte, fibre]}], checks: []}
  - {id: oak, name: Oak, depends_on: [{any_of: [cedar, fibre]}], checks: []}
maintenance:
  - {id: cable, name: New cable, assets: fibre, days: tue, at: "10:00", lasts: 2h}
"""


def down(check: str, *stretches: tuple[float, float]) -> tuple[Span, ...]:
    """A day from midnight, measured all along, with these stretches down (hours of the site's clock)."""
    found, last = [], 0.0
    for begin, end in (*stretches, (24.0, 24.0)):
        found.append(Span(check, START + last * HOUR, START + begin * HOUR, Status.UP, "ok"))
        found.append(Span(check, START + begin * HOUR, START + end * HOUR, Status.DOWN, "timeout"))
        last = end
    return tuple(span for span in found if span.end > span.start)


@pytest.fixture
def measured(config: Config) -> Measured:
    """A Tuesday: the fibre is down from 7 to 11, LTE from 9:00 to 9:30 and from 16 to 17."""
    spans = {
        "fibre/ping": down("fibre/ping", (7, 11)),
        "lte/ping": down("lte/ping", (9, 9.5), (16, 17)),
    }
    return Measured(config, START, START + 24 * HOUR, spans)


def hours(up: float, down: float) -> Availability:
    return Availability(up * HOUR, down * HOUR, timedelta())


def found(measured: Measured, counted: Counted) -> dict[str, Availability]:
    return {f"{row.what} {row.name}": row.found for row in rows(measured, counted)}


def test_the_widest_comes_first_and_what_is_not_measured_is_not_listed(measured: Measured) -> None:
    assert [(row.what, row.name) for row in rows(measured, Counted())] == [
        ("site", "harbour"),
        ("group", "fibre or lte"),
        ("asset", "fibre"),
        ("asset", "lte"),
        ("check", "fibre/ping"),
        ("check", "lte/ping"),
    ]


def test_open_hours_count_without_the_work_that_is_planned(measured: Measured) -> None:
    counted = found(measured, Counted())
    assert counted["asset fibre"] == counted["check fibre/ping"] == hours(up=6, down=2)
    assert counted["asset lte"] == hours(up=8.5, down=1.5)


def test_planned_work_counts_where_it_is_asked_for(measured: Measured) -> None:
    counted = found(measured, Counted(planned_work=True))
    assert counted["asset fibre"] == hours(up=7, down=3)
    assert counted["asset lte"] == hours(up=8.5, down=1.5)


def test_around_the_clock_counts_the_hours_before_opening_too(measured: Measured) -> None:
    counted = found(measured, Counted(around_the_clock=True))
    assert counted["asset fibre"] == hours(up=19, down=3)
    assert found(measured, Counted(around_the_clock=True, planned_work=True))["asset fibre"] == hours(up=20, down=4)


def test_a_group_is_down_when_all_of_it_is_and_loses_only_work_that_is_planned_for_all(measured: Measured) -> None:
    for counted in (Counted(), Counted(planned_work=True)):
        assert found(measured, counted)["group fibre or lte"] == hours(up=9.5, down=0.5)


def test_the_site_is_the_mean_of_its_assets_by_the_people_they_serve(measured: Measured) -> None:
    site = found(measured, Counted(planned_work=True))["site harbour"]
    assert site.ratio == pytest.approx(1 - (30 * 3 + 10 * 1.5) / (40 * 10))


def test_nothing_measured_is_unknown_and_not_up(measured: Measured) -> None:
    empty = measured._replace(spans={})
    listed = rows(empty, Counted())
    assert all(row.found.ratio is None for row in listed)
    assert Row("asset", "fibre", Availability(unknown=8 * HOUR)) in listed
