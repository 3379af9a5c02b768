"""Loading configurations: what good ones become, and every mistake of bad ones with its line and remedy."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerting.rules import Severity
from monitor.config import Config, ConfigError, load
from monitor.config.masked import shown
from monitor.config.model import Alerting
from monitor.config.references import circles

SITE = "site: {id: hub, timezone: Europe/Berlin}\n"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes site.yaml into an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def written(text: str) -> Path:
        file = Path("site.yaml")
        file.write_text(text)
        return file

    return written


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(path)
    return [str(problem) for problem in refused.value.problems]


FULL = """\
site:
  id: hub
  name: The Hub
  timezone: Europe/Berlin
  opening_hours: {mon-fri: "08:00-20:00", sat: ["09:00-12:00", "13:00-24:00"], sun: closed}
  holidays: [2026-12-25]
  capacity: 80
defaults:
  interval: 1m
  confirm: {times: 1}
  kinds:
    internet.tcp: {timeout: 2s, rules: {blind: {for: 10m}}}
uplinks:
  - id: line-a
    name: Line A
    affects: Nobody has internet.
    remedy: Call the provider.
    checks:
      - {kind: internet.ping, host: 127.0.0.1, interval: 10s}
      - {kind: internet.tcp, name: web, host: 127.0.0.1, port: 443, confirm: {gap: 500ms}}
rooms:
  - {id: boardroom, people: 10, depends_on: line-a}
routes:
  - {id: chat, to: "${env:DESKWATCH_TEST_CHAT}", severities: [critical], sections: [uplinks], repeat: never}
server: {listen: "0.0.0.0:80", url: "https://desk.example.org/", token: "${env:DESKWATCH_TEST_CHAT}"}
storage: {url: "sqlite:///state.db", retention: {spans: 30d}}
"""


@pytest.fixture
def full(write: Write, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The configuration with every section."""
    monkeypatch.setenv("DESKWATCH_TEST_CHAT", "slack://hunter2")
    return load(write(FULL))


def documented() -> list[str]:
    """The blocks of YAML in the page about the configuration."""
    page = Path(__file__).parents[3] / "docs/operations/configuration.md"
    return [block.partition("```")[0] for block in page.read_text().split("```yaml\n")[1:]]


def test_the_examples_of_the_documentation_are_one_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example, *sections = (block for block in documented() if not block.startswith("rules:"))
    for name in re.findall(r"env:(\w+)", "".join((example, *sections))):
        monkeypatch.setenv(name, "https://hunter2")
    (tmp_path / "url").write_text("hunter2")
    example = example.replace("/etc/deskwatch/technician-url", str(tmp_path / "url"))
    for number, block in enumerate((example, *sections)):
        (tmp_path / f"{number}.yaml").write_text(block)
    config = load(tmp_path)
    assert [check.id for check in config.checks] == [
        "line-a/ping", "front-door/controller", "boardroom/display", "boardroom/panel",
    ]  # fmt: skip
    assert {route.id for route in config.routes} == {"team-chat", "technician", "office-chat", "pager"}
    assert config.alerting == Alerting()
    assert config.alertmanager is not None


def test_the_rules_of_the_documentation_load(write: Write) -> None:
    (rules,) = (block for block in documented() if block.startswith("rules:"))
    check = "    checks:\n      - kind: internet.ping\n        host: a\n"
    (check_with_rules,) = load(write(f"{SITE}rooms:\n  - id: a\n{check}{indent(rules, ' ' * 8)}")).checks
    assert [rule.id for rule in check_with_rules.rules] == ["down", "blind", "loss", "jitter"]


def test_the_site_knows_its_hours_and_people(full: Config) -> None:
    hours = full.site.hours
    assert (full.site.id, full.site.name, full.site.capacity) == ("hub", "The Hub", 80)
    assert hours.holidays == {date(2026, 12, 25)}
    assert hours.is_open(datetime(2026, 11, 23, 7, tzinfo=UTC))
    assert not hours.is_open(datetime(2026, 11, 22, 12, tzinfo=UTC))


def test_a_check_takes_its_pace_from_itself_its_kind_the_defaults_and_the_program_in_this_order(full: Config) -> None:
    ping, web = full.checks
    assert (ping.id, ping.interval, ping.timeout) == ("line-a/ping", 10, 5)
    assert (web.id, web.interval, web.timeout) == ("line-a/web", 60, 2)
    assert (ping.confirm.times, ping.confirm.gap) == (1, 1)
    assert (web.confirm.times, web.confirm.gap) == (1, 0.5)


def test_every_check_can_be_down_and_blind(full: Config) -> None:
    rules = {rule.id: rule for rule in full.checks[0].rules}
    assert rules["down"].severity is Severity.CRITICAL
    assert rules["blind"].hold == 300
    assert {rule.check for rule in rules.values()} == {"line-a/ping"}
    assert {rule.id: rule.hold for rule in full.checks[1].rules}["blind"] == 600


def test_an_asset_serves_the_whole_site_unless_it_says_otherwise(full: Config) -> None:
    line, room = full.assets
    assert (line.people, room.people) == (80, 10)
    assert (room.section, room.name, room.depends_on) == ("rooms", "boardroom", (("line-a",),))


def test_routes_keep_their_secrets_apart(full: Config) -> None:
    (route,) = full.routes
    assert (route.id, route.repeat, set(route.sections)) == ("chat", 0, {"uplinks"})
    assert full.destinations["chat"].get_secret_value() == "slack://hunter2"
    assert "hunter2" not in repr(full)
    assert "hunter2" not in str(shown(full))


def test_the_masked_view_shows_the_rest(full: Config) -> None:
    view = shown(full)
    assert view["site"]["hours"]["zone"] == "Europe/Berlin"
    assert view["assets"][0]["checks"][0]["params"]["host"] == "127.0.0.1"
    assert view["destinations"] == {"chat": "**********"}


def test_server_and_storage_are_taken_over(full: Config, tmp_path: Path) -> None:
    assert (full.server.host, full.server.port, full.server.url) == ("0.0.0.0", 80, "https://desk.example.org")
    assert full.storage.url.get_secret_value() == f"sqlite:///{tmp_path}/state.db"
    assert (full.storage.retention.spans, full.storage.retention.hours) == (30, 90)


def test_a_site_alone_is_enough_and_keeps_its_state_beside_the_file(write: Write, tmp_path: Path) -> None:
    config = load(write(SITE))
    assert config.storage.url.get_secret_value() == f"sqlite:///{tmp_path}/var/deskwatch.db"
    assert config.site.name == "hub"
    assert config.site.hours.is_open(datetime(2026, 1, 1, 3, tzinfo=UTC))


def test_sections_whose_entries_are_commented_out_are_empty(write: Write) -> None:
    assert (
        load(write(SITE + "doors:\nroutes:\ndefaults:\nserver:\nstorage:\nrooms:\n  - {id: a, checks: }\n")).checks
        == ()
    )


@pytest.mark.parametrize("url", ["sqlite:////var/lib/a.db", "postgresql://desk@db/desk", "sqlite:///:memory:"])
def test_a_database_url_without_a_password_may_stand_in_the_file(write: Write, url: str) -> None:
    assert load(write(f'{SITE}storage: {{url: "{url}"}}')).storage.url.get_secret_value() == url


def test_a_database_url_with_a_password_comes_from_the_environment(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKWATCH_TEST_DB", "postgresql://desk:hunter2@db/desk")
    file = write(SITE + 'storage: {url: "${env:DESKWATCH_TEST_DB}"}')
    assert load(file).storage.url.get_secret_value() == "postgresql://desk:hunter2@db/desk"


MISTAKES = [
    ("site: {id: The Hub, timezone: UTC}", [
        "1: site.id: must be lower-case letters and digits, joined by dashes, at most 63, like `the-hub`"
        " (it is 'The Hub')",
    ]),
    ("site: {id: 7, timezone: Europe/Berln, capacity: '80'}", [
        "1: site.id: must be text; put it in quotes (it is 7)",
        "1: site.timezone: must be a time zone like `Europe/Berlin`; did you mean `Europe/Berlin`?"
        " (it is 'Europe/Berln')",
        "1: site.capacity: must be a whole number (it is '80')",
    ]),
    ("doors: []", ["1: site: is missing; it needs at least `id` and `timezone`"]),
    ("site:", ["1: site: must hold `key: value` lines (it is empty)"]),
    ("site: {id: a}", ["1: site.timezone: is missing: Time zone by its IANA name, like Europe/Berlin."]),
    ("site:\n  id: a\n  timezone: UTC\n  opening_hours:\n    mon: 8-20\n    tus: 24h\n", [
        "5: site.opening_hours.mon: must be hours like \"08:00-20:00\", a list of such, `closed` or `24h`"
        " (it is '8-20')",
        "6: site.opening_hours.tus: must be a day like `mon` or a range like `mon-fri`; did you mean `tue`?",
    ]),
    ("site:\n  id: a\n  timezone: UTC\n  opening_hours: {mon-fri: 24h, wed: closed}\n", [
        "4: site.opening_hours: gives `wed` twice, in `mon-fri` and in `wed`",
    ]),
    ("site:\n  id: a\n  timezone: UTC\n  holidays: [2026-12-25, 25.12.2026]\n", [
        "4: site.holidays[1]: must be a date like `2026-12-25` (it is '25.12.2026')",
    ]),
    (SITE + "door: []", ["2: door: unknown key; did you mean `doors`?"]),
    (SITE + "doors: {id: a}", ["2: doors: must be a list: lines that begin with `- `"]),
    (SITE + "doors: [front]", ["2: doors[0]: must hold `key: value` lines (it is 'front')"]),
    (SITE + "doors:\n  - {id: a, checks: [ping]}", [
        "3: doors[0].checks[0]: must hold `key: value` lines (it is 'ping')",
    ]),
    (SITE + "doors:\n  - {id: a, depends_on: front, depnds: 1}\n  - {id: frontt}", [
        "3: doors[0].depends_on: there is no asset `front`; did you mean `frontt`?",
        "3: doors[0].depnds: unknown key; did you mean `depends_on`?",
    ]),
    (SITE + "doors:\n  - {id: a, people: -1}\nrooms:\n  - {id: a}", [
        "3: doors[0].people: must be greater than or equal to 0 (it is -1)",
        "5: rooms[0].id: another asset has the id `a`: site.yaml:3; change one",
    ]),
    (SITE + "rooms:\n  - {id: a, depends_on: [b]}\n  - {id: b, depends_on: [c]}\n  - {id: c, depends_on: [b]}\n", [
        "4: rooms[1].depends_on: goes in a circle: b -> c -> b; remove one of these",
    ]),
    (SITE + "rooms:\n  - {id: a, depends_on: a}", [
        "3: rooms[0].depends_on: goes in a circle: a -> a; remove one of these",
    ]),
    (SITE + "defaults: {interval: soon, kinds: {internet.pin: {}}}", [
        "2: defaults.interval: must be a duration like `30s`, `5m`, `1h30m` or `2d` (it is 'soon')",
    ]),
    (SITE + "defaults: {kinds: {internet.pnig: {}}}", [
        "2: defaults.kinds[internet.pnig]: there is no kind `internet.pnig`; did you mean `internet.ping`?",
    ]),
    (SITE + "defaults: {confirm: {times: 11, gap: 2m}}", [
        "2: defaults.confirm.times: must be less than or equal to 10 (it is 11)",
        "2: defaults.confirm.gap: must be a duration from `0s` to `1m` (it is '2m')",
    ]),
    (SITE + "routes:\n  - {id: a, to: 'slack://hunter2'}\n  - {id: a, to: '${env:DESKWATCH_TEST_UNSET}'}", [
        "3: routes[0].to: secrets do not belong in the file; use ${env:NAME} or ${file:/path}",
        "4: routes[1].id: another route has the id `a`: site.yaml:3; change one",
        "4: routes[1].to: the environment variable DESKWATCH_TEST_UNSET is not set; set it where Deskwatch is started",
    ]),
    (SITE + "routes:\n  - id: a\n    to: ${env:HOME}\n    severities: [info]\n    assets: [front]\n    repeat: 1s\n", [
        "6: routes[0].assets[0]: there is no asset `front`",
        "7: routes[0].repeat: must be a duration from `5s` to `366d` (it is '1s')",
    ]),
    (SITE + "routes:\n  - id: a\n    to: ${env:HOME}\n    severities: [info]\n    sections: [door, rooms]\n", [
        "6: routes[0].sections[0]: must be one of the sections uplinks, wifi, doors, booking, rooms, equipment,"
        " services; did you mean `doors`? (it is 'door')",
    ]),
    (SITE + "routes:\n  - id: a\n    to: ${env:HOME}\n    severities: [info]\n    sections: [rooms]\n", [
        "5: routes[0].severities: can never match: only warning and critical tell anybody",
        "6: routes[0].sections: can never match: there are no assets in rooms",
    ]),
    (SITE + "doors: [{id: d}]\nroutes:\n  - id: a\n    to: ${env:HOME}\n    assets: d\n    sections: [rooms]\n", [
        "6: routes[0].assets: can never match: none of them is in rooms",
    ]),
    (SITE + "server: {listen: '8470', url: desk, token: hunter2}", [
        "2: server.listen: must be an address and a port, like `127.0.0.1:8470` or `[::1]:8470` (it is '8470')",
        "2: server.url: must be the address of the pages, like `https://deskwatch.example.org` (it is 'desk')",
        "2: server.token: secrets do not belong in the file; use ${env:NAME} or ${file:/path}",
    ]),
    (SITE + "storage: {url: 'mysql://x', retention: {days: 30}}", [
        "2: storage.url: must be a URL like `sqlite:///var/deskwatch.db` or `postgresql://user@host/deskwatch`",
        "2: storage.retention.days: must be a number of days, like `400d` (it is 30)",
    ]),
    (SITE + "storage: {url: 'postgresql://desk:hunter2@db/desk'}", [
        "2: storage.url: holds a password; put the whole URL in an environment variable and write `${env:NAME}`",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), MISTAKES)
def test_a_mistake_is_named_with_its_line_and_remedy(write: Write, text: str, lines: list[str]) -> None:
    assert problems_of(write(text)) == [f"site.yaml:{line}" for line in lines]


CHECK_MISTAKES = [
    ("{kind: internet.pnig, host: a}", "kind: there is no kind `internet.pnig`; did you mean `internet.ping`?"),
    ("{kind: magic}", "kind: there is no kind `magic`; `deskwatch reference kinds` lists them"),
    ("{host: a}", "kind: is missing: What is measured, like internet.ping; `deskwatch reference kinds` lists them."),
    ("{kind: internet.ping, host: a, intervall: 3}", "intervall: unknown key; did you mean `interval`?"),
    ("{kind: internet.ping, host: a, cuont: 3}", "cuont: unknown key; did you mean `count`?"),
    ("{kind: internet.ping, host: a, zzzzz: hunter2}", "zzzzz: unknown key"),
    ("{kind: internet.ping, host: a, name: A B}",
     "name: must be lower-case letters and digits, joined by dashes, at most 63, like `a-b` (it is 'A B')"),
    ("{kind: internet.ping, host: a, interval: 2s}",
     "interval: the interval of 2s is shorter than the timeout of 5s; change one of them"),
    ("{kind: internet.ping, host: a, timeout: 1m}",
     "timeout: the interval of 30s is shorter than the timeout of 1m; change one of them"),
    ("{kind: internet.ping, host: a, interval: 500ms}",
     "interval: must be a duration from `1s` to `7d` (it is '500ms')"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "line"), CHECK_MISTAKES)
def test_a_mistake_in_a_check_is_named_with_its_line_and_remedy(write: Write, check: str, line: str) -> None:
    file = write(f"{SITE}doors:\n  - id: a\n    checks:\n      - {check}\n")
    assert problems_of(file) == [f"site.yaml:5: doors[0].checks[0].{line}"]


def test_a_missing_setting_is_explained_by_its_kind(write: Write) -> None:
    (line,) = problems_of(write(SITE + "doors:\n  - {id: a, checks: [{kind: internet.ping}]}"))
    assert line.startswith("site.yaml:3: doors[0].checks[0].host: is missing: ")


def test_two_checks_of_an_asset_need_two_names(write: Write) -> None:
    check = "{kind: internet.ping, host: a}"
    assert problems_of(write(f"{SITE}doors:\n  - id: a\n    checks:\n      - {check}\n      - {check}\n")) == [
        "site.yaml:6: doors[0].checks[1].name: another check of the asset is called `ping`: site.yaml:5; name one"
    ]


def test_a_pace_that_the_defaults_get_wrong_is_reported_once_where_it_stands(write: Write) -> None:
    check = "{kind: internet.ping, host: a}"
    doors = "".join(f"  - {{id: {name}, checks: [{check}]}}\n" for name in "ab")
    assert problems_of(write(f"{SITE}defaults: {{timeout: 40s}}\ndoors:\n{doors}")) == [
        "site.yaml:2: defaults.timeout: the interval of 30s is shorter than the timeout of 40s; change one of them"
    ]


def test_the_files_of_a_directory_are_one_configuration(tmp_path: Path) -> None:
    (tmp_path / "10-site.yaml").write_text(SITE + "doors: [{id: front, depends_on: line}]\n")
    (tmp_path / "20-more.yml").write_text("doors: [{id: back}]\nuplinks: [{id: line}]\n")
    config = load(tmp_path)
    assert [asset.id for asset in config.assets] == ["line", "front", "back"]
    assert config.storage.url.get_secret_value() == f"sqlite:///{tmp_path}/var/deskwatch.db"


def test_a_section_for_one_file_may_not_stand_in_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("etc")
    folder.mkdir()
    (folder / "a.yaml").write_text("server: {}\n" + SITE)
    (folder / "b.yaml").write_text("doors: [{id: x, nam: y}]\n" + SITE + "server: {}\n")
    assert problems_of(folder) == [
        "etc/b.yaml:1: doors[0].nam: unknown key; did you mean `name`?",
        "etc/b.yaml:2: site: is already given in etc/a.yaml:2; only one file may hold it",
        "etc/b.yaml:3: server: is already given in etc/a.yaml:1; only one file may hold it",
    ]


def test_a_file_of_a_directory_that_cannot_be_read_hides_no_mistakes_behind_false_ones(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SITE + "doors: [{id: front, depends_on: line}]\n")
    (tmp_path / "b.yaml").write_text("uplinks: [{id: line}\n")
    (line,) = problems_of(tmp_path)
    assert "is not YAML" in line


def test_a_secret_never_stands_in_a_message(write: Write) -> None:
    text = """\
site: {id: hub, timezone: UTC}
routes:
  - slack://hunter2
  - {id: a, to: [slack://hunter2]}
  - {id: b, too: slack://hunter2}
  - {id: c, to: "${env:HOME}${hunter2}"}
routs: slack://hunter2
server: hunter2
storage: {url: "postgresql://u:hunter2@h/d", url: hunter2}
rooms: [{id: a, remedy: [hunter2]}]
doors:
  - {id: x, checks: [{kind: internet.ping, host: 5, password: hunter2}]}
  - {id: y, people: "https://user:hunter2@host"}
"""
    lines = problems_of(write(text))
    assert len(lines) == 13
    assert "hunter2" not in "\n".join(lines)


def test_broken_syntax_never_repeats_the_line(write: Write) -> None:
    assert "hunter2" not in "".join(problems_of(write('routes:\n  - to: "slack://hunter2\n')))


def test_long_and_unprintable_values_are_shown_on_one_short_line(write: Write) -> None:
    (line,) = problems_of(write(f'site: {{id: "a\\n\\e[31m{"x" * 500}", timezone: UTC}}'))
    assert len(line) < 300
    assert line.isprintable()


def test_three_mistakes_among_5000_checks_are_all_found(write: Write) -> None:
    asset = "  - {{id: door-{0}, checks: [{{kind: internet.ping, host: 192.0.2.1, interval: {1}}}]}}\n"
    wrong = {17: "soon", 2500: "1ms", 4999: "1s"}
    text = SITE + "doors:\n" + "".join(asset.format(n, wrong.get(n, "30s")) for n in range(5000))
    lines = problems_of(write(text))
    assert [line.split(": ")[0:2] for line in lines] == [
        [f"site.yaml:{n + 3}", f"doors[{n}].checks[0].interval"] for n in wrong
    ]


def test_circles_are_found_however_long_they_are() -> None:
    ring = {str(n): [str((n + 1) % 5000)] for n in range(5000)}
    assert [len(circle) for circle in circles(ring)] == [5000]
    assert list(circles({"a": ["b", "c"], "b": ["c"], "c": []})) == []


KEYS = st.sampled_from([
    "site", "doors", "booking", "people", "on_call", "routes", "maintenance", "alerting", "drill", "watchdog",
    "alertmanager", "defaults", "server", "storage", "id", "to", "from", "days", "at", "lasts", "steps", "after",
    "contacts", "quiet", "hours", "mon", "calendar", "fallback", "depends_on", "any_of", "tags", "urls", "rotate",
    "every", "period", "checks", "kind", "rules", "down", "kinds", "reports", "morning", "weekly", "targets",
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("internet.ping"),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inside, max_size=4),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_data_of_any_shape_is_a_configuration_or_a_config_error(tmp_path: Path, data: dict[str, object]) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(json.dumps(data).replace("NaN", "1").replace("Infinity", "2"))
    try:
        load(file)
    except ConfigError as error:
        assert error.problems


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_a_configuration_or_a_config_error(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "site.yaml"
    file.write_bytes(raw)
    with pytest.raises(ConfigError):
        load(file)
