"""Makes assets of Uptime Kuma's monitors, with its tags, groups, notifications and maintenance."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from monitor.config.document import printable
from monitor.migrate import kuma_alerts, kuma_kinds
from monitor.migrate.draft import Draft, Migration, Unportable, tags
from monitor.migrate.kuma_source import Kuma, Row
from monitor.migrate.pace import pace, retries
from monitor.migrate.settings import Settings

_DEEPEST = 32
_INTERVAL = 60
_SHARE = 0.8  # of the interval: how long a monitor waits unless it says so
_LEAST_PING = 2.0  # seconds that five echoes and their replies take at least
_GROUP = "group"

_KINDS: Mapping[str, Callable[[Draft, str, Settings], dict[str, Any]]] = {
    "http": kuma_kinds.http,
    "keyword": kuma_kinds.keyword,
    "json-query": kuma_kinds.json_query,
    "ping": kuma_kinds.ping,
    "port": kuma_kinds.port,
    "dns": kuma_kinds.dns,
    "push": kuma_kinds.push,
    "mqtt": kuma_kinds.mqtt,
}
_PASSIVE = ("push", "mqtt")
_REASONS = {
    "docker": "containers are not looked at; watch what they serve, or use `passive.plugin`",
    "steam": "game servers are not watched; `passive.plugin` runs a plugin that asks them",
    "gamedig": "game servers are not watched; `passive.plugin` runs a plugin that asks them",
    "radius": "a sign-in is tried by `wifi.radius`; set it up by hand",
    "snmp": "SNMP is asked by kinds for devices, like `equipment.interfaces`; set one up by hand",
    "real-browser": "no browser is run; `internet.http` asks for the page",
    "grpc-keyword": "no kind speaks gRPC; `passive.plugin` runs a plugin that does",
    "kafka-producer": "Kafka is not spoken; `internet.tcp` connects to a broker",
    "rabbitmq": "its management page can be asked by `internet.http`",
    "tailscale-ping": "`internet.ping` pings the address behind it",
    "smtp": "`internet.tcp` can hold the dialogue; set it up by hand",
    "manual": "it is set by hand and measures nothing",
}
_DATABASES = ("sqlserver", "postgres", "mysql", "mongodb", "redis", "oracledb")
_PLAIN_OPTIONS = {
    "proxy_id": "checks connect directly, not by a proxy",
    "description": "write `affects` and `remedy` for whoever is told",
    "cache_bust": "addresses are asked for as they are",
    "domain_expiry_notification": "no kind watches how long a domain is registered",
    "retry_only_on_status_code_failure": "a failure of any sort is looked at again",
}


class _Monitors(NamedTuple):
    """All monitors by id."""

    known: Mapping[int, Row]

    def above(self, row: Row) -> Iterator[Row]:
        """The groups that a monitor is in, the nearest first."""
        for _ in range(_DEEPEST):
            parent = row.get("parent")
            if not isinstance(parent, int) or parent not in self.known:
                return
            row = self.known[parent]
            yield row

    def active(self, row: Row) -> bool:
        """Whether neither the monitor nor a group that it is in is paused."""
        return all(one.get("active") not in (0, False) for one in (row, *self.above(row)))


def migrated(kuma: Kuma) -> Migration:
    """What an Uptime Kuma watches and whom it tells, as far as it can be carried over."""
    draft = Draft("kuma")
    monitors = _Monitors({row["id"]: row for row in kuma.monitors if isinstance(row.get("id"), int)})
    assets: dict[int, str] = {}
    for id, row in monitors.known.items():
        what = _what(row)
        with draft.attempt(what):
            if asset := _asset(draft, what, row, monitors, kuma):
                assets[id] = asset
    kuma_alerts.routes(draft, kuma, assets)
    kuma_alerts.maintenance(draft, kuma, assets, {id: _lineage(row, monitors) for id, row in monitors.known.items()})
    return draft.finished()


def _lineage(row: Row, monitors: _Monitors) -> tuple[int, ...]:
    """A monitor's id and those of the groups it is in."""
    return tuple(one["id"] for one in (row, *monitors.above(row)))


def _asset(draft: Draft, what: str, row: Row, monitors: _Monitors, kuma: Kuma) -> str:
    """The id of the asset that was made of a monitor; "" of a group. Raises Unportable."""
    given = Settings(row)
    kind, name = given.text("type"), given.text("name")
    if kind == _GROUP:
        draft.changed(what, "a group became the tag of what is in it; it has no state of its own")
        return ""
    if not monitors.active(row):
        raise Unportable("it is paused")
    if kind not in _KINDS:
        raise Unportable(_reason(kind))
    if given.flag("upside_down"):
        raise Unportable("upside-down mode: only `wifi.segmentation` watches that something does not answer")
    groups = [str(one.get("name", "")) for one in monitors.above(row)]
    check = _check(draft, what, kind, given)
    _note(draft, what, given)
    return draft.asset(name, what, [check], **tags(*groups, *kuma.tags.get(row["id"], ())))


def _check(draft: Draft, what: str, kind: str, given: Settings) -> dict[str, Any]:
    found = _KINDS[kind](draft, what, given)
    if kind in _PASSIVE:
        return found
    interval = float(given.whole("interval", _INTERVAL))
    timeout = given.number("timeout") or _SHARE * interval
    if kind == "ping":
        timeout = max(timeout, _LEAST_PING)
    times, gap = given.whole("maxretries"), given.whole("retry_interval") or interval
    settings = found | pace(draft, what, interval, timeout)
    confirmed = retries(draft, what, times, gap, interval, timeout)
    rules = {**found.get("rules", {}), **confirmed.pop("rules", {})}
    return settings | confirmed | ({"rules": rules} if rules else {})


def _note(draft: Draft, what: str, given: Settings) -> None:
    for key, reason in _PLAIN_OPTIONS.items():
        if given.text(key) not in ("", "0", "false"):
            draft.left(what, f"`{key}`: {reason}")


def _reason(kind: str) -> str:
    if kind in _DATABASES:
        return "databases are not asked; `internet.tcp` connects to one, `passive.plugin` runs a plugin that asks"
    return _REASONS.get(kind, f"there is no counterpart of the type `{printable(kind)}`")


def _what(row: Row) -> str:
    name = re.sub(r"\s+", " ", str(row.get("name") or ""))
    return f"monitor {row['id']} {printable(name)}"
