"""Uptime Kuma's monitors, notifications and maintenance, from a backup and from its database."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from monitor.migrate.draft import Verdict
from monitor.migrate.kuma import migrated
from monitor.migrate.kuma_source import Kuma, kuma_of, of_backup

Make = Callable[..., Any]
ALL = {"interval": 60, "retryInterval": 20, "maxretries": 2, "timeout": 12, "active": True, "expiryNotification": True}
MONITORS: tuple[dict[str, Any], ...] = (
    {
        "id": 1, "name": "Web site", "type": "http", "url": "https://ana:canary-url-9f31c7@www.example.org/a?b=c",
        "method": "POST", "body": '{"a": 1}', "httpBodyEncoding": "json", "maxredirects": 0, "ignoreTls": True,
        "headers": '{"Accept": "text/html", "X-Door": "canary-header-9f31c7"}', "proxyId": 3, "cacheBust": True,
        "accepted_statuscodes": ["200-299", "404"], "notificationIDList": {"5": True},
        "tags": [{"name": "Front Desk", "value": "A"}],
    },
    {"id": 2, "name": "Welcome", "type": "keyword", "url": "https://x.example.org", "keyword": "Log in (now)",
     "maxredirects": 3, "basic_auth_user": "bo", "basic_auth_pass": "canary-basic-9f31c7", "ipFamily": "ipv6"},
    {"id": 3, "name": "No error", "type": "keyword", "url": "http://x.example.org", "keyword": '"error"',
     "invertKeyword": True},
    {"id": 4, "name": "Json", "type": "json-query", "url": "http://x.example.org", "jsonPath": "data[0].state",
     "expectedValue": "on.", "jsonPathOperator": "=="},
    {"id": 5, "name": "Json not", "type": "json-query", "url": "http://x.example.org", "jsonPath": "$.state",
     "expectedValue": "off", "jsonPathOperator": "!="},
    {"id": 6, "name": "Json in", "type": "json-query", "url": "http://x.example.org", "jsonPath": "state",
     "expectedValue": "on", "jsonPathOperator": "contains"},
    {"id": 7, "name": "Gateway", "type": "ping", "hostname": "192.0.2.1", "packetSize": 100, "retryInterval": 60},
    {"id": 8, "name": "Line", "type": "ping", "hostname": "192.0.2.2", "pingCount": 3, "maxretries": 0},
    {"id": 9, "name": "Mail", "type": "port", "hostname": "mail.example.org", "port": 25},
    {"id": 10, "name": "Names", "type": "dns", "hostname": "example.org", "dns_resolve_type": "MX", "port": 53,
     "dns_resolve_server": "9.9.9.9,1.1.1.1",
     "conditions": '[{"type":"expression","variable":"record","operator":"contains","value":"mx.example.org"}]'},
    {"id": 11, "name": "Backup", "type": "push", "pushToken": "canary-push-9f31c7", "interval": 86400},
    {"id": 12, "name": "Sensor", "type": "mqtt", "hostname": "mqtts://broker.example.org", "port": 8884,
     "mqttTopic": "door/state", "mqttSuccessMessage": "open", "mqttUsername": "me",
     "mqttPassword": "canary-mqtt-9f31c7"},
    {"id": 20, "name": "Floor 2", "type": "group"},
    {"id": 21, "name": "Inner", "type": "group", "parent": 20},
    {"id": 22, "name": "Printer", "type": "port", "hostname": "p", "port": 9100, "parent": 21, "interval": 3600,
     "retryInterval": 600},
)  # fmt: skip
REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"type": "http", "url": "http://x.example.org", "upsideDown": True}, "upside-down"),
    ({"type": "http", "url": "http://x.example.org", "active": False}, "paused"),
    ({"type": "port", "hostname": "h", "port": 1, "parent": 90}, "paused"),
    ({"type": "http", "url": "http://x.example.org/?api_key=canary-query-9f31c7"}, "may be a secret"),
    ({"type": "http", "url": "http://x.example.org", "authMethod": "ntlm"}, "NTLM"),
    ({"type": "http", "url": "http://x.example.org", "authMethod": "mtls"}, "client certificates"),
    ({"type": "http", "url": "http://x.example.org", "authMethod": "oauth2-cc"}, "OAuth 2"),
    ({"type": "http", "url": "http://x.example.org", "body": '{"password": "canary-body-9f31c7"}'}, "its body"),
    ({"type": "http", "url": "http://x.example.org", "headers": "nonsense"}, "no JSON"),
    ({"type": "http", "url": "ftp://x.example.org"}, "begins with http"),
    ({"type": "http", "url": ["a"]}, "must be a word"),
    ({"type": "json-query", "url": "http://x", "jsonPath": "$sum(a)", "expectedValue": "1"}, "JSONata"),
    ({"type": "json-query", "url": "http://x", "jsonPath": "a", "jsonPathOperator": "<"}, "not compared"),
    ({"type": "port", "hostname": "h", "port": 70000}, "65535"),
    ({"type": "dns", "hostname": "example.org", "dns_resolve_type": "WHAT"}, "record type"),
    ({"type": "mqtt", "hostname": "ws://h", "mqttTopic": "a"}, "not by ws"),
    ({"type": "mqtt", "hostname": "h", "mqttTopic": "a/#"}, "# is not understood"),
    ({"type": "mqtt", "hostname": "h", "mqttTopic": "a", "mqttCheckType": "json-query"}, "JSONPath"),
    ({"type": "docker"}, "containers"),
    ({"type": "steam"}, "game servers"),
    ({"type": "radius"}, "wifi.radius"),
    ({"type": "postgres"}, "databases"),
    ({"type": "made-up"}, "no counterpart"),
)
NOTIFICATIONS = (
    {"id": 5, "name": "Chat", "active": True, "config": json.dumps({"type": "slack", "slack": "canary-slack-9f31c7"})},
    {"id": 6, "name": "Nobody", "active": True, "config": "{}"},
    {"id": 7, "name": "Off", "active": False, "config": "[["},
)
MAINTENANCE: tuple[dict[str, Any], ...] = (
    {"id": 1, "strategy": "single", "timezone": "Europe/Berlin", "start_date": "2026-12-01 06:00:00",
     "end_date": "2026-12-01T08:30"},
    {"id": 2, "strategy": "recurring-weekday", "weekdays": "[1, 0]", "start_time": "23:00:00", "end_time": "01:30",
     "start_date": "2026-01-01 00:00:00", "timezone": "SAME_AS_SERVER"},
    {"id": 3, "strategy": "recurring-interval", "interval_day": 7, "start_time": "02:00", "end_time": "03:00",
     "start_date": "2026-01-02 00:00:00", "timezone": "UTC"},
    {"id": 4, "strategy": "recurring-interval", "interval_day": 1, "start_time": "02:00", "end_time": "03:00"},
    {"id": 5, "strategy": "recurring-interval", "interval_day": 3, "start_time": "02:00", "end_time": "03:00"},
    {"id": 6, "strategy": "cron", "cron": "0 0 * * *"},
    {"id": 7, "strategy": "manual"},
    {"id": 8, "strategy": "recurring-day-of-month", "days_of_month": "[1]"},
    {"id": 9, "strategy": "single", "active": 0},
    {"id": 10, "strategy": "single", "start_date": "soon"},
    {"id": 11, "strategy": "recurring-weekday", "weekdays": "[]", "start_time": "1", "end_time": "2"},
    {"id": 12, "strategy": "single", "unused": True},
)  # fmt: skip


def backup(monitors: Iterable[Mapping[str, Any]], notifications: Iterable[Mapping[str, Any]] = NOTIFICATIONS) -> Kuma:
    document = {
        "version": "1.23.11",
        "notificationList": list(notifications),
        "monitorList": [{**ALL, "id": 100 + index, "name": f"m{index}", **one} for index, one in enumerate(monitors)],
    }
    return of_backup(json.dumps(document))


def table(path: Path, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """A table with as many columns as the rows have keys."""
    listed = list(rows)
    columns = list(dict.fromkeys(key for row in listed for key in row))
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(f"CREATE TABLE {name} ({', '.join(f'[{column}]' for column in columns)})")
        marks = ", ".join("?" * len(columns))
        connection.executemany(
            f"INSERT INTO {name} VALUES ({marks})",
            [[row.get(column) for column in columns] for row in listed],
        )
    connection.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A kuma.db with the names of columns that version 2 has."""
    path = tmp_path / "kuma.db"
    usual = {"active": 1, "interval": 60, "maxretries": 0, "retry_interval": 60, "weight": 2000, "upside_down": 0}
    rows = [
        {"id": 1, "name": "Web", "type": "http", "url": "https://x.example.org", "expiry_notification": 0,
         "accepted_statuscodes_json": '["204"]', "resend_interval": 3},
        {"id": 2, "name": "Desk", "type": "group"},
        {"id": 3, "name": "Host", "type": "ping", "hostname": "h", "parent": 2, "ping_count": 4},
        {"id": 4, "name": "Push", "type": "push", "push_token": "canary-push-9f31c7"},
        {"id": 5, "name": "Loop", "type": "ping", "hostname": "l", "parent": 5},
    ]  # fmt: skip
    table(path, "monitor", [usual | row for row in rows])
    table(path, "notification", [{"id": 1, "name": "Ops", "active": 1, "config": '{"type": "telegram"}'}])
    table(path, "monitor_notification", [{"id": 1, "monitor_id": 1, "notification_id": 1}])
    table(path, "tag", [{"id": 7, "name": "Floor"}])
    table(path, "monitor_tag", [{"monitor_id": 1, "tag_id": 7, "value": "2"}])
    table(path, "maintenance", [{"title": f"Work {one['id']}", "active": 1} | one for one in MAINTENANCE])
    about = [{"monitor_id": 2, "maintenance_id": one["id"]} for one in MAINTENANCE if "unused" not in one]
    table(path, "monitor_maintenance", about)
    return path


def test_every_type_of_monitor_that_has_a_kind_is_carried_with_its_settings(made: Make) -> None:
    result = made(migrated(backup(MONITORS)))
    web, welcome, error = (result.check(f"{name}/http").params for name in ("web-site", "welcome", "no-error"))
    assert (web.url, web.username, web.method, web.body) == (
        "https://www.example.org/a?b=c",
        "ana",
        "POST",
        '{"a": 1}',
    )
    assert (web.statuses, web.follow_redirects, web.tls_verify) == (("200-299", 404), False, False)
    assert web.headers == {"Content-Type": "application/json", "Accept": "text/html"}
    assert set(web.secret_headers) == {"X-Door"}
    assert (welcome.body_matches, welcome.max_redirects, welcome.username) == ((r"Log\ in\ \(now\)",), 3, "bo")
    assert welcome.family == "ipv6"
    assert error.body_not_matches == ('"error"',)
    assert result.check("json/http").params.json_matches == {"$.data[0].state": r"on\."}
    assert result.check("json-not/http").params.json_not_matches == {"$.state": "off"}
    assert result.check("json-in/http").params.json_matches == {"$.state": r"[\s\S]*on[\s\S]*"}
    gateway, names = result.check("gateway/ping").params, result.check("names/dns").params
    assert (gateway.host, gateway.size, gateway.count) == ("192.0.2.1", 100, 5)
    assert result.check("line/ping").params.count == 3
    assert result.check("mail/tcp").params.target == "mail.example.org:25"
    assert (names.query_type, names.resolver, names.answer_matches) == ("MX", "9.9.9.9", (r"mx\.example\.org",))
    assert result.check("backup/heartbeat").params.period == 86400
    sensor = result.check("sensor/mqtt").params
    assert (sensor.host, sensor.port, sensor.tls, sensor.topic) == ("broker.example.org", 8884, True, "door/state")
    assert (sensor.max_age, sensor.offline) == (60, r"(?![\s\S]*open)[\s\S]*")


def test_retries_become_the_confirmation_of_a_failure_or_a_delay(made: Make) -> None:
    usual = {"type": "port", "hostname": "h", "port": 1}
    monitors = [
        usual | {"name": "quick", "retryInterval": 5, "maxretries": 2},
        usual | {"name": "patient", "retryInterval": 600, "maxretries": 2, "interval": 3600},
        usual | {"name": "at once", "maxretries": 0},
    ]
    result = made(migrated(backup(monitors)))
    quick, patient, at_once = result.config.checks
    assert (quick.confirm.times, quick.confirm.gap) == (2, 5)
    assert {rule.id: rule.hold for rule in patient.rules}["down"] == 1200
    assert at_once.confirm.times == 0
    assert "2 retries became" in result.said(Verdict.CHANGED, "patient")
    assert {(check.interval, check.timeout) for check in result.config.checks} == {(60, 12), (3600, 12)}


def test_tags_and_groups_become_tags_and_a_group_none(made: Make) -> None:
    result = made(migrated(backup(MONITORS)))
    tagged = {asset.id: asset.tags for asset in result.config.assets if asset.tags}
    assert tagged == {"web-site": {"front-desk-a"}, "printer": {"floor-2", "inner"}}
    assert "became the tag" in result.said(Verdict.CHANGED, "Floor 2")


def test_no_secret_of_a_backup_is_in_what_is_made(made: Make) -> None:
    result = made(migrated(backup([*MONITORS, *(one for one, _ in REFUSED)])))
    assert "canary" not in result.text
    assert "canary" not in str(result.migration.lines) + str(result.migration.needed)


@pytest.mark.parametrize(("monitor", "why"), REFUSED)
def test_what_has_no_counterpart_is_listed_with_the_reason(monitor: dict[str, Any], why: str) -> None:
    migration = migrated(backup([monitor, {"id": 90, "type": "group", "active": False}]))
    assert why in migration.lines[0].words
    assert migration.lines[0].verdict is Verdict.LEFT
    assert not migration.sections
    assert not migration.needed


def test_options_without_a_counterpart_are_listed(made: Make) -> None:
    result = made(migrated(backup(MONITORS)))
    assert "proxy_id" in result.said(Verdict.LEFT, "Web site")
    assert "cache_bust" in result.said(Verdict.LEFT, "Web site")
    assert "only the first, 9.9.9.9" in result.said(Verdict.LEFT, "Names")


def test_a_notification_becomes_a_route_for_the_assets_that_used_it(made: Make) -> None:
    result = made(migrated(backup(MONITORS)))
    (route,) = result.config.routes
    assert (route.id, route.assets) == ("chat", {"web-site"})
    assert [one.name for one in result.migration.needed if "ROUTE" in one.name] == ["KUMA_ROUTE_CHAT"]
    assert "slack://" in next(one.what for one in result.migration.needed if "ROUTE" in one.name)
    left = result.said(Verdict.LEFT, "notification")
    assert "no monitor" in left
    assert "switched off" in left


def test_a_database_says_the_same_as_a_backup_and_maintenance_too(database: Path, made: Make) -> None:
    before = hashlib.sha256(database.read_bytes()).digest(), sorted(database.parent.iterdir())
    kuma = kuma_of(database)
    assert (hashlib.sha256(database.read_bytes()).digest(), sorted(database.parent.iterdir())) == before
    result = made(migrated(kuma))
    assert [check.id for check in result.config.checks] == ["web/http", "host/ping", "push/heartbeat", "loop/ping"]
    assert result.check("web/http").params.statuses == (204,)
    assert {rule.id for rule in result.check("web/http").rules} == {"down", "blind"}
    assert {asset.id: set(asset.tags) for asset in result.config.assets if asset.tags}["web"] == {"floor-2"}
    assert result.config.routes[0].assets == {"web"}


def test_maintenance_covers_what_is_in_a_group_and_keeps_its_time(database: Path, made: Make) -> None:
    result = made(migrated(kuma_of(database)))
    work = {one["id"]: one for one in (dict(entry.value) for entry in result.migration.sections["maintenance"])}
    assert list(work) == ["work-1", "work-2", "work-3", "work-4"]
    assert all(one["assets"] == ["host"] and one["skip"] for one in work.values())
    assert (work["work-1"]["from"], work["work-1"]["to"]) == ("2026-12-01 06:00+01:00", "2026-12-01 08:30+01:00")
    assert (work["work-2"]["days"], work["work-2"]["at"], work["work-2"]["lasts"]) == (["mon", "sun"], "23:00", "2h30m")
    assert work["work-3"]["days"] == ["fri"]
    assert len(work["work-4"]["days"]) == 7
    said = {id: result.said(Verdict.LEFT, f"maintenance {id} ") for id in range(5, 13)}
    assert "every 3 days" in said[5]
    assert "days of the week" in said[6]
    assert "deskwatch silence" in said[7]
    assert "nth" in said[8]
    assert "switched off" in said[9]
    assert "no time" in said[10]
    assert "no day" in said[11]
    assert "no monitor" in said[12]


def test_a_database_that_is_open_is_not_read(database: Path) -> None:
    (database.parent / "kuma.db-wal").write_bytes(b"x")
    with pytest.raises(ValueError, match="stop it"):
        kuma_of(database)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "{}", '{"monitorList": 1}', '{"monitorList": [1]}', "[" * 100_000]
)
def test_a_backup_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"backup|monitorList"):
        of_backup(text)


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    table(path, "other", [{"id": 1}])
    with pytest.raises(ValueError, match="no table `monitor`"):
        kuma_of(path)
    path.write_bytes(path.read_bytes()[:512] + b"\xff" * 8192)
    with pytest.raises(ValueError, match="no database of Uptime Kuma"):
        kuma_of(path)


def test_a_view_in_place_of_a_table_is_not_asked(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE VIEW monitor AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT * FROM n"
    )
    connection.close()
    with pytest.raises(ValueError, match="no table `monitor`"):
        kuma_of(path)


def test_a_database_with_huge_values_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    table(path, "monitor", [{"id": 1, "name": "x" * 2_000_000}])
    with pytest.raises(ValueError, match="too big"):
        kuma_of(path)
