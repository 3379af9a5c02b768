"""People, on-call, routes and maintenance: what they become, and every mistake with its line and remedy."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerting.gates import Recurring, Scope, Window
from alerting.oncall import Contact, Period
from alerting.rules import Severity
from monitor.config import Config, ConfigError, load
from monitor.config.masked import shown
from monitor.config.model import Memo, Morning, Reports, Targets

SITE = "site: {id: hub, timezone: Europe/Berlin}\n"
ANA = 'people: [{id: ana, to: "${env:DESKWATCH_TEST_URL}"}]\n'
URL = '"${env:DESKWATCH_TEST_URL}"'
BERLIN = ZoneInfo("Europe/Berlin")
CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART:{day}T080000Z
DTEND:{day}T180000Z
SUMMARY:{title}
END:VEVENT
END:VCALENDAR
"""

FULL = f"""\
{SITE}uplinks: [{{id: line, tags: [core]}}]
people:
  - {{id: ana, name: Ana Lopes, to: {URL}}}
  - id: ben
    contacts:
      - {{id: phone, to: {URL}, severities: [critical]}}
      - {{id: mail, to: {URL}}}
on_call:
  - {{id: it, people: [ana, ben], rotate: {{every: 2, period: week}}, starts: 2026-01-05 09:00, fallback: chat}}
  - {{id: nights, people: ben, rotate: 12h, starts: "2026-01-05 20:00+00:00", timezone: Asia/Tokyo}}
  - {{id: days, people: ben, starts: 2026-01-05T09:00}}
routes:
  - {{id: chat, to: {URL}, quiet: {{hours: {{mon-sun: "22:00-07:30"}}}}}}
  - {{id: pager, severities: [critical], repeat: never, steps: [{{to: it}}, {{after: 10m, to: [ben, chat]}}]}}
maintenance:
  - {{id: router, name: New router, assets: line, tags: core, from: 2026-12-01 06:00, to: "2026-12-01 06:00Z"}}
  - {{id: nightly, sections: [uplinks], days: mon-sun, at: "03:00", lasts: 30m, skip: true}}
  - {{id: patches, days: [tue, sat], nth: [2, last], at: "05:00", lasts: 2h, first: 2026-12-01, last: 2027-12-01}}
alerting: {{acknowledged: 2h, links: 12h, dismissed: 5m, lead: 30m, budget: 3}}
drill: {{day: fri, at: "10:15", within: 30m}}
watchdog: {{to: "${{env:DESKWATCH_TEST_WATCH}}", interval: 30s}}
alertmanager: {{urls: "http://127.0.0.1:9093/", authorization: "Bearer ${{env:DESKWATCH_TEST_URL}}", resend: 2m}}
reports:
  morning: {{before: 30m, to: [ana, it]}}
  daily: {{at: "18:00", to: chat}}
  weekly: {{day: fri, at: "08:00", to: [ben]}}
  monthly: {{at: "09:30", to: [ben, chat]}}
  isp: {{day: 3, at: "09:30", to: [ben]}}
  targets: {{availability: 0.99}}
"""

Loaded = Callable[[str], Config]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and the secrets of the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESKWATCH_TEST_URL", "json://127.0.0.1/hunter2")
    monkeypatch.setenv("DESKWATCH_TEST_WATCH", "https://watch.example.org/hunter2")
    return tmp_path


def loaded(text: str) -> Config:
    file = Path("site.yaml")
    file.write_text(text)
    return load(file)


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        loaded(text)
    return [str(problem).removeprefix("site.yaml:") for problem in refused.value.problems]


def test_a_person_is_reached_in_one_way_or_in_several_each_for_its_severities() -> None:
    ana, ben = loaded(FULL).people
    assert (ana.name, ana.contacts) == ("Ana Lopes", (Contact("ana", frozenset(Severity)),))
    assert ben.name == "ben"
    assert ben.contacts == (
        Contact("ben/phone", frozenset({Severity.CRITICAL})),
        Contact("ben/mail", frozenset({Severity.WARNING, Severity.CRITICAL})),
    )


def test_the_destinations_are_those_of_routes_and_of_people() -> None:
    config = loaded(FULL)
    assert set(config.destinations) == {"chat", "ana", "ben/phone", "ben/mail"}
    assert config.directory.destinations == {"chat"}
    assert "hunter2" not in repr(config) + str(shown(config))


def test_turns_are_of_weeks_days_or_hours_and_weekly_unless_said() -> None:
    it, nights, days = loaded(FULL).schedules
    assert it.rotation is not None
    assert nights.rotation is not None
    assert days.rotation is not None
    assert (it.rotation.people, it.rotation.period, it.rotation.every) == (("ana", "ben"), Period.WEEK, 2)
    assert (nights.rotation.period, nights.rotation.every) == (Period.HOUR, 12)
    assert (days.rotation.period, days.rotation.every) == (Period.WEEK, 1)
    assert (it.fallback, days.fallback) == (("chat",), ())


def test_the_first_turn_begins_on_the_clocks_of_the_schedule() -> None:
    it, nights, _ = loaded(FULL).schedules
    assert it.rotation is not None
    assert nights.rotation is not None
    assert (it.zone, it.rotation.starts) == (BERLIN, datetime(2026, 1, 5, 9))  # noqa: DTZ001 - on the wall
    assert nights.rotation.starts == datetime(2026, 1, 6, 5)  # noqa: DTZ001 - what Tokyo shows then


def test_a_route_with_a_channel_has_one_step_that_names_itself() -> None:
    chat, pager = loaded(FULL).routes
    assert chat.steps == ((0, ("chat",)),)
    assert pager.steps == ((0, ("it",)), (600, ("ben", "chat")))


def test_quiet_hours_run_over_midnight_on_the_clocks_of_the_site() -> None:
    quiet = loaded(FULL).routes[0].quiet
    assert quiet is not None
    assert quiet.loud is Severity.CRITICAL
    assert quiet.hours.week == (((time(0), time(7, 30)), (time(22), time.max)),) * 7
    assert quiet.hours.is_open(datetime(2026, 1, 1, 6, 29, tzinfo=UTC))
    assert not quiet.hours.is_open(datetime(2026, 1, 1, 6, 30, tzinfo=UTC))


def test_maintenance_happens_once_or_again_and_again_and_is_about_part_of_the_site_or_all_of_it() -> None:
    router, nightly, patches = loaded(FULL).maintenances
    once = Window(datetime(2026, 12, 1, 5, tzinfo=UTC), datetime(2026, 12, 1, 6, tzinfo=UTC))
    assert (router.name, router.windows, router.skip, router.zone) == ("New router", (once,), False, BERLIN)
    assert router.scope == Scope(frozenset({"line"}), frozenset(), frozenset({"core"}))
    assert (nightly.name, nightly.skip, nightly.scope) == ("nightly", True, Scope(sections=frozenset({"uplinks"})))
    assert nightly.windows == (Recurring(days=frozenset(range(7)), nth=frozenset(), at=time(3), lasts=1800),)
    (window,) = patches.windows
    assert isinstance(window, Recurring)
    assert (window.days, window.nth, patches.scope) == (frozenset({1, 5}), frozenset({2, -1}), Scope())
    assert (window.first, window.last) == (date(2026, 12, 1), date(2027, 12, 1))


def test_what_goes_with_alerting_is_taken_over() -> None:
    config = loaded(FULL)
    told = config.alerting
    assert (told.acknowledged, told.links, told.dismissed, told.lead, told.budget) == (7200, 43_200, 300, 1800, 3)
    assert config.drill is not None
    assert (config.drill.weekday, config.drill.at, config.drill.within) == (4, time(10, 15), 1800)
    assert config.watchdog is not None
    assert config.watchdog.url.get_secret_value() == "https://watch.example.org/hunter2"
    assert config.watchdog.interval == 30
    assert config.alertmanager is not None
    assert config.alertmanager.urls == ("http://127.0.0.1:9093",)
    assert config.alertmanager.resend == 120
    assert config.alertmanager.authorization is not None
    assert config.alertmanager.authorization.get_secret_value() == "Bearer json://127.0.0.1/hunter2"


def test_reports_say_when_they_are_made_and_who_gets_them() -> None:
    reports = loaded(FULL).reports
    assert reports.morning == Morning(1800, ("ana", "it"), 300)
    assert reports.daily == Memo(time(18), ("chat",))
    assert reports.weekly == Memo(time(8), ("ben",), weekday=4)
    assert reports.monthly == Memo(time(9, 30), ("ben", "chat"), month=1)
    assert reports.isp == Memo(time(9, 30), ("ben",), month=3)
    assert reports.targets == Targets(availability=0.99)
    assert loaded(SITE + "reports:\n").reports == Reports()


def test_what_is_not_said_or_commented_out_is_not_there() -> None:
    config = loaded(SITE + "people:\non_call:\nmaintenance:\nalerting:\ndrill:\nwatchdog:\nalertmanager:\n")
    assert (config.people, config.schedules, config.maintenances) == ((), (), ())
    assert (config.drill, config.watchdog, config.alertmanager) == (None, None, None)
    assert config.alerting.acknowledged == 4 * 3600


def test_the_shifts_of_a_calendar_beside_the_configuration_are_read(folder: Path) -> None:
    today = datetime.now(UTC).date()
    (folder / "etc").mkdir()
    (folder / "etc/on-call.ics").write_text(CALENDAR.format(day=f"{today:%Y%m%d}", title="On call: ana"))
    (folder / "etc/site.yaml").write_text(f"{SITE}{ANA}on_call: [{{id: it, calendar: on-call.ics}}]")
    (schedule,) = load(Path("etc")).schedules
    assert schedule.rotation is None
    (shift,) = schedule.fixed
    assert (shift.person, shift.starts) == ("ana", datetime.combine(today, time(8), UTC))


CALENDARS = [
    (None, "cannot be read: No such file or directory; the file belongs beside the configuration"),
    (b"\xff\xfe", "is not UTF-8 text; export it again as iCal (.ics)"),
    (b"site: {}", "not a calendar"),
    (b"x" * (1024 * 1024 + 1), "is larger than 1 MiB; export less of it"),
    (CALENDAR.format(day=f"{datetime.now(UTC):%Y%m%d}", title="Zoe").encode(), "'Zoe'"),
]


@pytest.mark.parametrize(("content", "message"), CALENDARS, ids=["missing", "bytes", "yaml", "huge", "nobody"])
def test_a_calendar_that_cannot_be_used_is_a_problem_of_the_line_that_names_it(
    folder: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (folder / "on-call.ics").write_bytes(content)
    (line,) = problems_of(f"{SITE}{ANA}on_call:\n  - id: it\n    calendar: on-call.ics\n")
    assert line.startswith("5: on_call[0].calendar: ")
    assert message in line


MISTAKES = [
    ("people:\n  - {id: ana}\n  - {id: ben, to: URL, contacts: []}", [
        "3: people[0]: needs `to` or `contacts`",
        "4: people[1].contacts: must have at least one entry",
        "4: people[1].contacts: there is `to` already; remove one of them",
    ]),
    ("people:\n  - id: ana\n    contacts:\n      - {id: a, to: URL}\n      - {id: a, to: URL, severities: info}", [
        "6: people[0].contacts[1].id: another contact has the id `a`: site.yaml:5; change one",
        "6: people[0].contacts[1].severities: must be a list: lines that begin with `- `, or [a, b] (it is 'info')",
    ]),
    ("people: [{id: a, contacts: [{id: a, to: URL, severities: [info]}]}]", [
        "2: people[0].contacts[0].severities: is never used: only warning and critical tell anybody",
    ]),
    ("people: [{id: a, to: URL}]\non_call: [{id: a, people: a, starts: 2026-01-05 09:00}]\n"
     "routes: [{id: a, to: URL}]", [
        "3: on_call[0].id: another person has the id `a`: site.yaml:2; change one",
        "4: routes[0].id: another person has the id `a`: site.yaml:2; change one",
    ]),
    ("people: [{id: ana, to: URL}]\non_call:\n  - {id: a, people: [ann]}\n  - {id: b, rotate: daily}", [
        "4: on_call[0].starts: is missing: when the first turn began, like `2026-01-05 09:00`",
        "4: on_call[0].people[0]: there is no person `ann`; did you mean `ana`?",
        "5: on_call[1]: needs `people` who take turns, or a `calendar`",
        "5: on_call[1].rotate: means nothing without `people`; name them, or remove this",
    ]),
    ("people: [{id: ana, to: URL}]\non_call:\n  - {id: a, people: ana, rotate: monthly, starts: 5.1.2026}\n"
     "  - {id: b, people: ana, rotate: {every: 0, period: weeks}, starts: 2026-02-30 09:00, fallback: a}", [
        "4: on_call[0].rotate: must be `daily`, `weekly`, hours like `12h`, or `{every: 2, period: week}`"
        " (it is 'monthly')",
        "4: on_call[0].starts: must be a time like `2026-12-01 06:00`, on the site's clock, or"
        " `2026-12-01 06:00+01:00` (it is '5.1.2026')",
        "5: on_call[1].rotate.every: must be greater than or equal to 1 (it is 0)",
        "5: on_call[1].rotate.period: must be 'hour', 'day' or 'week' (it is 'weeks')",
        "5: on_call[1].starts: must be a time like `2026-12-01 06:00`, on the site's clock, or"
        " `2026-12-01 06:00+01:00` (it is '2026-02-30 09:00')",
        "5: on_call[1].fallback: `a` is an on-call schedule; name people, or routes with a `to`",
    ]),
    ("routes:\n  - {id: a}\n  - {id: b, to: URL, steps: [{to: b}]}\n  - {id: c, steps: []}", [
        "3: routes[0]: needs `to` or `steps`",
        "4: routes[1].steps: there is `to` already; remove one of them",
        "5: routes[2].steps: must have at least one entry",
    ]),
    ("routes:\n  - {id: chat, to: URL}\n  - id: pager\n    steps:\n      - {after: 5m, to: chat}\n"
     "      - {to: [chta, pager]}\n", [
        "6: routes[1].steps[0].after: the first step is told at once; remove this, or put a step before it",
        "7: routes[1].steps[1].after: says how long nobody answered the step before, like `10m`;"
        " it must be more than 0",
        "7: routes[1].steps[1].to[0]: there is no person, on-call schedule or route `chta`; did you mean `chat`?",
        "7: routes[1].steps[1].to[1]: the route `pager` has no `to` and cannot be told; name people, or give it one",
    ]),
    ("routes: [{id: a, to: URL, quiet: {hours: {mon: '8-20', tus: 24h}, loud: very}}]", [
        "2: routes[0].quiet.hours.mon: must be hours like \"08:00-20:00\", a list of such, `closed` or `24h`"
        " (it is '8-20')",
        "2: routes[0].quiet.hours.tus: must be a day like `mon` or a range like `mon-fri`; did you mean `tue`?",
        "2: routes[0].quiet.loud: must be 'info', 'warning' or 'critical' (it is 'very')",
    ]),
    ("routes: [{id: a, to: URL, quiet: {hours: {mon: 24h}, loud: warning}}]", [
        "2: routes[0].quiet.loud: holds nothing back: only warning and critical tell anybody; write `critical`",
    ]),
    ("maintenance:\n  - {id: a, from: 2026-12-01 06:00, to: 2026-12-01 05:00}\n  - {id: a}\n"
     "  - {id: b, to: 2026-12-01 05:00, days: mon}", [
        "3: maintenance[0].to: is not after `from`",
        "4: maintenance[1]: needs `from` and `to`, or `days`, `at` and `lasts`",
        "4: maintenance[1].id: another maintenance has the id `a`: site.yaml:3; change one",
        "5: maintenance[2].from: is missing; it goes with `to`",
        "5: maintenance[2].days: is for maintenance that recurs; remove it, or `from` and `to`",
    ]),
    ("rooms: [{id: r, tags: quiet}]\nmaintenance:\n  - {id: a, days: mon, at: '03:00', lasts: 8d}\n"
     "  - {id: b, days: [mon, tus], nth: 6, at: '24:00', lasts: 1h, assets: rr, tags: quite}\n"
     "  - {id: c, days: mon, at: '03:00', lasts: 1h, first: 2026-12-02, last: 2026-12-01}\n"
     "  - {id: d, nth: 2}", [
        "4: maintenance[0].lasts: must be a duration from `1m` to `7d` (it is '8d')",
        "5: maintenance[1].days: must be a day like `mon` or a range like `mon-fri`; did you mean `tue`?",
        "5: maintenance[1].nth: must be a number from 1 to 5, `last`, or a list of such, like `[1, 3]` (it is 6)",
        "5: maintenance[1].at: must be a time of day like `07:30` (it is '24:00')",
        "5: maintenance[1].assets: there is no asset `rr`; did you mean `r`?",
        "5: maintenance[1].tags: no asset has the tag `quite`; did you mean `quiet`?",
        "6: maintenance[2].last: is before the first day, 2026-12-02",
        "7: maintenance[3].days: is missing; it goes with `nth`",
        "7: maintenance[3].at: is missing; it goes with `nth`",
        "7: maintenance[3].lasts: is missing; it goes with `nth`",
    ]),
    ("alerting: {acknowledged: 4, budget: 0}\ndrill: {day: monday}\nalertmanager: {urls: []}", [
        "2: alerting.acknowledged: must be a duration from `5m` to `7d` (it is 4)",
        "2: alerting.budget: must be greater than or equal to 1 (it is 0)",
        "3: drill.at: is missing: Time of day on the site's clock, like 10:00.",
        "3: drill.day: must be a day like `mon`; did you mean `mon`? (it is 'monday')",
        "4: alertmanager.urls: must have at least one entry",
    ]),
    ("alertmanager: {urls: ['http://me:hunter2@127.0.0.1:9093'], authorization: hunter2}\nwatchdog: {to: URL}", [
        "2: alertmanager.urls[0]: must be an address like `http://127.0.0.1:9093`; what signs in belongs into"
        " `authorization` (it is 'http://***@127.0.0.1:9093')",
        "2: alertmanager.authorization: secrets do not belong in the file; use ${env:NAME} or ${file:/path}",
        "3: watchdog.to: must stand for the URL of a dead man's switch, like `https://watch.example.org/ping/KEY`",
    ]),
    ("people: [{id: ana, to: URL}]\nroutes: [{id: quiet, steps: [{to: ana}]}]\n"
     "reports: {morning: {to: anna, before: 10s}, weekly: {at: noon, to: quiet},"
     " monthly: {day: 31, at: '8:00', to: []}}", [
        "4: reports.morning.to: there is no person, on-call schedule or route `anna`; did you mean `ana`?",
        "4: reports.morning.before: must be a duration from `1m` to `1d` (it is '10s')",
        "4: reports.weekly.at: must be a time of day like `07:30` (it is 'noon')",
        "4: reports.weekly.to: the route `quiet` has no `to` and cannot be told; name people, or give it one",
        "4: reports.monthly.day: must be less than or equal to 28 (it is 31)",
        "4: reports.monthly.to: must have at least one entry",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), MISTAKES)
def test_a_mistake_is_named_with_its_line_and_remedy(text: str, lines: list[str]) -> None:
    assert problems_of(SITE + text.replace("URL", URL)) == lines


def test_a_channel_that_stands_where_a_name_belongs_is_not_repeated() -> None:
    lines = problems_of(
        SITE
        + """\
people: slack://hunter2
on_call: [{id: it, people: slack://hunter2, starts: slack://hunter2, fallback: https://hunter2}]
routes:
  - {id: a, steps: [{to: slack://hunter2}, {after: slack://hunter2, to: "mailto://me:hunter2@a"}]}
  - {id: b, steps: [slack://hunter2], quiet: slack://hunter2}
maintenance: [slack://hunter2, {id: m, assets: slack://hunter2, tags: slack://hunter2}]
watchdog: https://hunter2
alertmanager: hunter2
"""
    )
    assert len(lines) == 16
    assert "hunter2" not in "\n".join(lines)
    assert any("`slack://***`; a URL is the `to` of a person or a route" in line for line in lines)


def test_a_section_for_one_file_may_not_stand_in_two(folder: Path) -> None:
    (folder / "a.yaml").write_text(f'{SITE}drill: {{day: mon, at: "10:00"}}\n{ANA}')
    (folder / "b.yaml").write_text('drill: {day: tue, at: "10:00"}\nroutes: [{id: a, steps: [{to: ana}]}]')
    with pytest.raises(ConfigError, match=r"drill: is already given in a\.yaml:2"):
        load(Path())
