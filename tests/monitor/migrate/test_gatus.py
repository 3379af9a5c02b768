"""Gatus' endpoints, conditions, alerts and maintenance, as assets, settings, rules, routes and planned work."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.migrate.draft import Unportable, Verdict
from monitor.migrate.gatus import migrated
from monitor.migrate.gatus_conditions import Expected, note, ranges
from probes.internet.http import status_range

Make = Callable[..., Any]
CONFIG = r"""
x-usual: &usual
  group: core
  interval: 30s
  alerts: [{type: slack}]
alerting:
  slack:
    webhook-url: https://hooks.slack.com/services/canary-slack-9f31c7
    default-alert: {failure-threshold: 4, success-threshold: 3, description: "needs a look", send-on-resolved: true}
    overrides: [{group: core, webhook-url: x}]
  discord: {webhook-url: canary-discord-9f31c7}
  teams: {webhook-url: unused}
endpoints:
  - <<: *usual
    name: Portal
    url: "https://portal.example.org/health?q=$$1"
    method: put
    body: '{ me { name } }'
    graphql: true
    headers: {Authorization: "Bearer ${PORTAL_TOKEN}", X-Door: "canary-door-9f31c7 $X", Accept: text/html}
    extra-labels: {environment: live}
    conditions:
      - "[STATUS] == 200"
      - "[BODY].user.name == john"
      - "[RESPONSE_TIME] < 700"
      - "[CERTIFICATE_EXPIRATION] > 720h"
      - "[DOMAIN_EXPIRATION] > 720h"
      - "[CONNECTED] == true"
    client: {timeout: 5s, insecure: true, ignore-redirect: true, dns-resolver: "tcp://8.8.8.8:53", proxy-url: "http://p"}
    ui: {hide-url: true}
    maintenance-windows: [{start: "02:00", duration: 2h, timezone: Europe/Berlin, every: [Monday, Friday]}]
  - {name: Gateway, url: "icmp://192.0.2.1", client: {network: ip4, timeout: 1s},
     conditions: ["[RESPONSE_TIME] < 50", "[CONNECTED] == true"]}
  - {name: Mail, url: "tcp://mail.example.org:25", conditions: ["[CONNECTED] == true", "[BODY] == x"],
     alerts: [{type: slack, failure-threshold: 2, minimum-reminder-interval: 10m},
              {type: discord, provider-override: {a: 1}}, {type: slack, enabled: false}]}
  - {name: Tls, url: "tls://mail.example.org:993", conditions: ["[CERTIFICATE_EXPIRATION] > 48h"]}
  - {name: Names, url: "9.9.9.9:5353", dns: {query-name: example.org, query-type: MX},
     conditions: ["[DNS_RCODE] == any(NOERROR, NXDOMAIN)", "[BODY] == pat(*.example.org.)"]}
  - {name: Any answer, url: "9.9.9.9", dns: {query-name: example.org}}
  - {name: Any status, url: "http://example.org"}
  - {name: Off, enabled: false, url: "http://example.org"}
external-endpoints:
  - {name: Backup, token: canary-push-9f31c7, heartbeat: {interval: 30m}, alerts: [{type: discord}]}
  - {name: Silent, token: x}
maintenance: {start: "23:00", duration: 1h}
suites: [{name: x}]
connectivity: {checker: {target: "1.1.1.1:53"}}
web: {port: 8080}
"""


@pytest.fixture
def result(made: Make) -> Any:
    """Everything that CONFIG comes to."""
    return made(migrated(CONFIG))


def test_an_endpoint_becomes_a_check_with_its_request_and_its_client(result: Any) -> None:
    check = result.check("portal/http")
    params = check.params
    assert (params.url, params.method) == ("https://portal.example.org/health?q=$1", "PUT")
    assert params.body == '{"query": "{ me { name } }"}'
    assert params.headers == {"Content-Type": "application/json", "Accept": "text/html"}
    assert set(params.secret_headers) == {"Authorization", "X-Door"}
    assert params.secret_headers["Authorization"].get_secret_value().startswith("Bearer ")
    assert (params.tls_verify, params.follow_redirects) == (False, False)
    assert (check.interval, check.timeout) == (30, 0.7)
    left = result.said(Verdict.LEFT, "Portal")
    for word in ("client.dns-resolver", "client.proxy-url", "domain is registered"):
        assert word in left
    assert "canary" not in result.text


def test_each_scheme_becomes_its_kind(result: Any) -> None:
    ping, tcp, tls = (result.check(f"{name}").params for name in ("gateway/ping", "mail/tcp", "tls/tls"))
    assert (ping.host, ping.family) == ("192.0.2.1", "ipv4")
    assert result.check("gateway/ping").timeout == 2
    assert (tcp.target, tls.target) == ("mail.example.org:25", "mail.example.org:993")
    names = result.check("names/dns").params
    assert (names.resolver, names.port, names.query_type, names.rcodes) == (
        "9.9.9.9",
        5353,
        "MX",
        ("NOERROR", "NXDOMAIN"),
    )
    assert names.answer_matches == (r"\s(?:.*\.example\.org\.)\.?$",)
    assert (result.check("any-answer/dns").params.min_answers, names.min_answers) == (0, 1)
    assert result.check("any-status/http").params.statuses == ("100-599",)
    assert result.check("backup/heartbeat").params.period == 1800
    assert "`heartbeat.interval`" in result.said(Verdict.LEFT, "Silent")
    assert "switched off" in result.said(Verdict.LEFT, "Off")
    assert "text is not looked at" in result.said(Verdict.LEFT, "Mail")


def test_limits_become_rules(result: Any) -> None:
    portal, ping, tls = (
        {rule.id: rule for rule in result.check(id).rules} for id in ("portal/http", "gateway/ping", "tls/tls")
    )
    assert portal["certificate-expires"].below == 720 * 3600
    assert ping["slow"].above == 0.05
    assert (tls["certificate-expires"].below, tls["certificate-expires-now"].below) == (14 * 86_400, 48 * 3600)
    assert "the endpoint stays up" in result.said(Verdict.CHANGED, "Tls")


def test_alerts_become_the_rule_down_and_a_route_for_each_provider(result: Any) -> None:
    down = next(rule for rule in result.check("portal/http").rules if rule.id == "down")
    assert (down.times, down.window, down.keep, down.says) == (4, 4, 60, "is down: needs a look")
    mail = next(rule for rule in result.check("mail/tcp").rules if rule.id == "down")
    assert mail.times == 2
    assert {route.id: route.assets for route in result.config.routes} == {
        "slack": {"portal", "mail"},
        "discord": {"mail", "backup"},
    }
    assert "the fewest of its alerts" in result.said(Verdict.CHANGED, "Mail")
    left = result.said(Verdict.LEFT)
    for word in ("minimum-reminder-interval", "provider-override", "`overrides`", "no endpoint that was carried over"):
        assert word in left


def test_maintenance_becomes_planned_work(result: Any) -> None:
    work = [dict(entry.value) for entry in result.migration.sections["maintenance"]]
    assert (work[0]["assets"], work[0]["days"], work[0]["at"], work[0]["lasts"]) == (
        ["portal"],
        ["mon", "fri"],
        "02:00",
        "2h",
    )
    assert len(work[1]["assets"]) == len(result.config.assets)
    assert "Europe/Berlin" in result.said(Verdict.CHANGED, "Portal")


def test_what_gatus_has_beside_is_listed(result: Any) -> None:
    assert "no counterpart" in result.said(Verdict.LEFT, "suites")
    assert "depends_on" in result.said(Verdict.LEFT, "connectivity")
    assert not result.said(Verdict.LEFT, "`web`")


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("[BODY] == 1", {"body_matches": [r"(?s:\A\s*(?:1)\s*\Z)"]}),
        ("[BODY] != pat(*error*)", {"body_not_matches": [r"(?s:\A\s*(?:.*error.*)\s*\Z)"]}),
        ("[BODY].data[0].id == any(1, 2)", {"json_matches": {"$.data[0].id": "(?:1|2)"}}),
        ("[BODY].my-key != 1.5", {"json_not_matches": {"$['my-key']": r"1\.5"}}),
        ("has([BODY].errors) == false", {"json_not_matches": {"$.errors": r"[\s\S]*"}}),
        ("has([BODY].errors) != false", {"json_matches": {"$.errors": r"[\s\S]*"}}),
        ("len([BODY].data) == 0", {"json_not_matches": {"$.data[0]": r"[\s\S]*"}}),
        ("len([BODY].data) >= 2", {"json_matches": {"$.data[1]": r"[\s\S]*"}}),
        ("len([BODY].data) < 5", {"json_not_matches": {"$.data[4]": r"[\s\S]*"}}),
        ("[CONNECTED] == true", {}),
    ],
)
def test_a_condition_on_a_body_is_a_pattern_or_a_path(text: str, settings: dict[str, Any]) -> None:
    expected = Expected()
    note("internet.http", text, expected)
    assert expected.settings == settings


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        ("http", "nonsense", "no condition"),
        ("http", "[IP] == 127.0.0.1", "answer_matches"),
        ("http", "[CONNECTED] == false", "wifi.segmentation"),
        ("http", "[STATUS] == 999", "no status fits"),
        ("http", "[STATUS] < many", "three digits"),
        ("ping", "[STATUS] == 200", "only web pages"),
        ("http", "[RESPONSE_TIME] > 5", "upper limit"),
        ("tcp", "[CERTIFICATE_EXPIRATION] > 1h", "certificates"),
        ("http", "[CERTIFICATE_EXPIRATION] < 1h", "lower limit"),
        ("http", "[CERTIFICATE_EXPIRATION] > soon", "no duration"),
        ("dns", "[DNS_RCODE] != NOERROR", "response codes"),
        ("http", "[BODY].age > 3", "being more or less"),
        ("http", "[BODY].age == [BODY].id", "two parts"),
        ("http", "[BODY]..x == 1", "no path"),
        ("http", "has([BODY].x) == 1", "true or false"),
        ("http", "len([BODY].x) == y", "a number"),
        ("http", "[BODY].x == [CONTEXT].y", "are not passed"),
    ],
)
def test_a_condition_without_a_counterpart_says_why(kind: str, text: str, why: str) -> None:
    with pytest.raises(Unportable, match=why):
        note(f"internet.{kind}", text, Expected())


@pytest.mark.parametrize(
    ("conditions", "statuses"),
    [
        (["[STATUS] < 300"], ["100-299"]),
        (["[STATUS] >= 200", "[STATUS] <= 299", "[STATUS] != 204"], ["200-203", "205-299"]),
        (["[STATUS] == any(200, 429)"], [200, 429]),
        (["[STATUS] == pat(2*)"], ["200-299"]),
        (["[STATUS] > 598"], [599]),
    ],
)
def test_conditions_on_the_status_are_taken_together(conditions: list[str], statuses: list[int | str]) -> None:
    expected = Expected()
    for text in conditions:
        note("internet.http", text, expected)
    assert ranges(expected.statuses or set()) == statuses


@given(st.sets(st.integers(100, 599), min_size=1))
def test_ranges_hold_just_the_statuses_they_were_made_of(statuses: set[int]) -> None:
    held = [status_range(one) for one in ranges(statuses)]
    assert {status for first, last in held for status in range(first, last + 1)} == statuses


@given(st.text(max_size=60))
def test_no_condition_ends_in_another_error(text: str) -> None:
    for wrapped in (text, f"[BODY].{text} == 1", f"[STATUS] == {text}", f"[BODY] == pat({text})"):
        try:
            note("internet.http", wrapped, Expected())
        except Unportable as error:
            assert str(error)


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ('url: "ws://h"', "WebSocket"),
        ('url: "ssh://h", ssh: {username: x}', "SSH"),
        ('url: "starttls://h:25"', "first byte"),
        ('url: "what://h"', "no counterpart of what"),
        ('url: "tcp://h"', "no port"),
        ('url: "https://h/${X}"', "environment"),
        ('url: "http://h", body: "[RANDOM_STRING_5]"', "placeholders"),
        ('url: "http://h", client: {oauth2: {client-id: x}}', "OAuth 2"),
        ('url: "http://h", client: {tls: {certificate-file: x}}', "client certificates"),
        ('url: "http://h", interval: often', "no duration"),
        ('url: "http://h", alerts: 1', "list of settings"),
        ('url: "http://h", client: {timeout: {a: 1}}', "word or a number"),
    ],
)
def test_an_endpoint_that_cannot_be_carried_says_why(endpoint: str, why: str) -> None:
    migration = migrated(f"endpoints: [{{name: x, {endpoint}}}]")
    (line,) = migration.lines
    assert line.verdict is Verdict.LEFT
    assert why in line.words
    assert not migration.sections


@pytest.mark.parametrize(
    "text", ["", "a: 1", "endpoints: []", "endpoints: 1", "endpoints: [1]", "alerting: 1", "&a [*a]"]
)
def test_a_file_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no configuration of Gatus|line"):
        migrated(text)


def test_aliases_that_multiply_are_refused() -> None:
    levels = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))
    with pytest.raises(ValueError, match="aliases"):
        migrated(f"a0: &a0 [1, 2]\n{levels}\nendpoints: *a9\n")
