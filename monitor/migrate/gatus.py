"""Makes assets of Gatus' endpoints, with their conditions, alerts and maintenance."""

import json
import re
from collections.abc import Mapping
from typing import Any

from monitor.config.document import printable
from monitor.migrate import gatus_alerts
from monitor.migrate.addresses import host_and_port
from monitor.migrate.draft import Draft, Migration, Unportable, tags
from monitor.migrate.gatus_conditions import Expected, note, ranges
from monitor.migrate.gatus_values import expanded, private_headers
from monitor.migrate.pace import pace
from monitor.migrate.secrets import address, plain
from monitor.migrate.settings import Settings, yaml_settings

_INTERVAL = 60.0
_TIMEOUT = 10.0
_LEAST_PING = 2.0  # seconds that five echoes and their replies take at least
_KINDS = {
    "http": "internet.http",
    "https": "internet.http",
    "tcp": "internet.tcp",
    "tls": "internet.tls",
    "icmp": "internet.ping",
}
_REASONS = {
    "starttls": "`internet.tls` speaks TLS from the first byte only",
    "udp": "UDP has no connection to look at; `internet.dns` or `passive.plugin` ask a question",
    "sctp": "SCTP is not spoken",
    "ssh": "nothing signs in by SSH; `internet.tcp` can expect the banner `^SSH-2.0-`",
    "ws": "WebSocket is not spoken; `internet.http` watches the page behind it",
    "wss": "WebSocket is not spoken; `internet.http` watches the page behind it",
    "grpc": "gRPC is not spoken; `passive.plugin` runs a plugin that does",
    "grpcs": "gRPC is not spoken; `passive.plugin` runs a plugin that does",
    "domain": "no kind watches how long a domain is registered",
}
_SIGN_INS = {"oauth2": "OAuth 2", "identity-aware-proxy": "Google's Identity-Aware Proxy", "tunnel": "an SSH tunnel"}
_CLIENT_REASONS = {
    "dns-resolver": "names are looked up by this machine's resolver; `resolve` says an address",
    "proxy-url": "checks connect directly, not by a proxy",
    "store-cookies": "cookies are not kept",
}
_TOP = {
    "suites": "steps that hand values on have no counterpart; add what each asks as a check",
    "connectivity": "say what assets need with `depends_on`, an asset of `uplinks`",
    "remote": "other instances are not asked; each site has a configuration of its own",
    "tunneling": "checks connect directly, not by an SSH tunnel",
}
_OWN = (
    *("metrics", "storage", "security", "web", "ui", "announcements", "concurrency", "debug"),
    *("disable-monitoring-lock", "skip-invalid-config-update"),
)
"""What is about Gatus itself and says nothing of what it watches."""


def migrated(text: str) -> Migration:
    """What the configuration of a Gatus watches, as far as it can be carried over.

    Raises ValueError when it is no configuration of Gatus.
    """
    config, draft = yaml_settings("config.yaml", text), Draft("gatus")
    try:
        endpoints = config.entries("endpoints") or config.entries("services")
        external = config.entries("external-endpoints")
        providers = config.inner("alerting")
    except Unportable as error:
        raise ValueError(f"it is no configuration of Gatus: {error}") from None
    if not (endpoints or external):
        raise ValueError("it is no configuration of Gatus: it must have `endpoints`")
    alerts = gatus_alerts.Alerts(draft, providers)
    assets = [_carried(draft, alerts, one, _endpoint) for one in endpoints]
    assets += [_carried(draft, alerts, one, gatus_alerts.heartbeat) for one in external]
    alerts.routes()
    gatus_alerts.maintenance(draft, "all endpoints", config.raw("maintenance"), [id for id in assets if id])
    for key in _OWN:
        config.raw(key)
    for key in config.rest:
        draft.left(f"`{key}`", _TOP.get(key, "has no counterpart here"))
    return draft.finished()


def _carried(draft: Draft, alerts: gatus_alerts.Alerts, given: Settings, read: Any) -> str:
    """The id of the asset that was made of an endpoint, "" with the reason noted if none was."""
    name, group = str(given.raw("name") or ""), str(given.raw("group") or "")
    what = f"endpoint {printable(f'{group}/{name}' if group else name)}"
    with draft.attempt(what):
        if not given.flag("enabled", True):
            raise Unportable("it is switched off")
        check = read(draft, what, given)
        interval = given.seconds("interval", _INTERVAL)
        told = alerts.of(what, given, interval)
        rules = {**check.pop("rules", {}), **told.rules}
        made = [check | ({"rules": rules} if rules else {})]
        windows = given.raw("maintenance-windows")
        labels = [f"{key}-{value}" for key, value in given.words("extra-labels").items()]
        asset = draft.asset(name, what, made, **tags(group, *labels))
        alerts.tell(asset, told)
        for window in windows if isinstance(windows, list) else []:
            gatus_alerts.maintenance(draft, what, window, [asset])
        given.raw("ui")
        for key in given.rest:
            draft.left(what, f"`{key}` has no counterpart here")
        return asset
    return ""


def _endpoint(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """The check of an endpoint. Raises Unportable."""
    kind, found = _aim(draft, what, given)
    client = given.inner("client")
    expected = Expected()
    for text in given.texts("conditions"):
        try:
            note(kind, expanded(text, "condition"), expected)
        except Unportable as error:
            draft.left(what, f"`{printable(text)}`: {error}")
    for words in expected.changes:
        draft.changed(what, words)
    found |= _expectations(draft, what, kind, expected)
    found |= _client(draft, what, kind, client)
    rules = expected.rules()
    timeout = client.seconds("timeout", _TIMEOUT)
    if expected.slowest is not None and kind == "internet.ping":
        rules["slow"] = {"above": expected.slowest, "clear": expected.slowest}
        draft.changed(what, "a slow reply is a warning, by the rule `slow`; the endpoint stays up")
    elif expected.slowest is not None:
        timeout = min(timeout, expected.slowest)
        draft.changed(what, "the limit of its response time is the timeout, after which it is down")
    if kind == "internet.ping":
        timeout = max(timeout, _LEAST_PING)
        draft.changed(what, "sends 5 echoes per run instead of 1, so that loss is measured; add `count: 1` to go back")
    rhythm = pace(draft, what, given.seconds("interval", _INTERVAL), timeout)
    return {"kind": kind} | found | rhythm | ({"rules": rules} if rules else {})


def _aim(draft: Draft, what: str, given: Settings) -> tuple[str, dict[str, Any]]:
    """The kind, and where it looks. Raises Unportable."""
    url = expanded(given.text("url"), "address")
    if question := given.inner("dns").given:
        return "internet.dns", _question(url, Settings(question))
    scheme, _, rest = url.partition("://")
    if scheme not in _KINDS:
        raise Unportable(_REASONS.get(scheme, f"there is no counterpart of {printable(scheme)}://"))
    kind = _KINDS[scheme]
    if kind == "internet.http":
        return kind, {**address(draft, what, url), **_request(draft, what, given)}
    host, port = host_and_port(rest.rstrip("/"))
    if kind == "internet.ping":
        return kind, {"host": host}
    if not port:
        raise Unportable("its address has no port")
    return kind, {"host": host, "port": port}


def _question(url: str, question: Settings) -> dict[str, Any]:
    host, port = host_and_port(url.removeprefix("dns://"))
    name, kind = question.text("query-name"), question.text("query-type", "A")
    return {"query_name": name, "query_type": kind, "resolver": host} | ({"port": port} if port else {})


def _request(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """Method, header lines and body. Raises Unportable."""
    found: dict[str, Any] = {}
    if (method := given.text("method", "GET").upper()) != "GET":
        found["method"] = method
    lines, body = given.words("headers"), plain(expanded(given.text("body"), "body"), "body")
    if re.search(r"\[(ENDPOINT_|RANDOM_STRING|LOCAL_ADDRESS|CONTEXT)", body):
        raise Unportable("its body has placeholders, and a body is sent as it stands here")
    if given.flag("graphql"):
        body = json.dumps({"query": body})
        lines = {"Content-Type": "application/json", **lines}
    return found | ({"body": body} if body else {}) | private_headers(draft, what, lines)


def _client(draft: Draft, what: str, kind: str, client: Settings) -> dict[str, Any]:
    """How to connect. Raises Unportable where nothing would be reached."""
    for key, name in _SIGN_INS.items():
        if client.raw(key):
            raise Unportable(f"its way in by {name} has no counterpart here")
    if client.inner("tls").text("certificate-file"):
        raise Unportable("checks have no client certificates")
    found: dict[str, Any] = {}
    if client.flag("insecure") and kind in ("internet.http", "internet.tls"):
        found["tls_verify"] = False
    if client.flag("ignore-redirect") and kind == "internet.http":
        found["follow_redirects"] = False
    if (network := client.text("network", "ip")) != "ip":
        found["family"] = network.replace("ip", "ipv")
    for key, reason in _CLIENT_REASONS.items():
        if client.raw(key):
            draft.left(what, f"`client.{key}`: {reason}")
    client.raw("timeout")
    for key in client.rest:
        draft.left(what, f"`client.{key}` has no counterpart here")
    return found


def _expectations(draft: Draft, what: str, kind: str, expected: Expected) -> Mapping[str, Any]:
    """What an answer must be like. A Gatus that is told nothing of the status takes any."""
    found = dict(expected.settings)
    if kind == "internet.http":
        statuses = expected.statuses
        found["statuses"] = ["100-599"] if statuses is None else ranges(statuses)
    if kind == "internet.dns":
        if "answer_matches" not in found:
            found["min_answers"] = 0
        if "rcodes" not in found:
            draft.changed(what, "the response code must be NOERROR, which no condition says")
    return found
