"""The types of Uptime Kuma's monitors as kinds of ours, without how often they run."""

import json
import re
from collections.abc import Mapping
from typing import Any

from monitor.config.document import printable
from monitor.migrate.addresses import host_and_port
from monitor.migrate.draft import Draft, Unportable
from monitor.migrate.secrets import address, basic, headers, plain
from monitor.migrate.settings import Settings

_CONTENT = {"json": "application/json", "xml": "text/xml; charset=utf-8", "form": "application/x-www-form-urlencoded"}
_SIGN_INS = {"ntlm": "NTLM", "mtls": "client certificates", "oauth2-cc": "OAuth 2"}
_PATH = re.compile(r"\$?\.?([A-Za-z_]\w*|\[\d+\])(\.[A-Za-z_]\w*|\[\d+\])*")
_LEAST_PERIOD = 10
_CERTIFICATE_RULES = ("certificate-expires", "certificate-expires-now")


def http(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """A page. Raises Unportable."""
    found = {"kind": "internet.http", **address(draft, what, given.text("url"))}
    if (method := given.text("method", "GET").upper()) != "GET":
        found["method"] = method
    found |= _body(draft, what, given)
    found |= _sign_in(draft, what, given)
    found |= _redirects(given) | _family(given)
    found["statuses"] = _statuses(given)
    if given.flag("ignore_tls"):
        found["tls_verify"] = False
    return found | _certificates(draft, what, given)


def keyword(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """A page with a word in it, or without. Raises Unportable."""
    word = given.text("keyword")
    if re.search(r'[{}":]', word):
        draft.changed(what, "the keyword is looked for in JSON as it was sent, not without its white space")
    key = "body_not_matches" if given.flag("invert_keyword") else "body_matches"
    return http(draft, what, given) | {key: [re.escape(word)]}


def json_query(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """A value in a JSON document. Raises Unportable."""
    expected, path = given.text("expected_value"), given.text("json_path")
    if not _PATH.fullmatch(path):
        raise Unportable(f"the JSONata `{printable(path)}` is more than a path; write `json_matches` by hand")
    here = "$" + (path.removeprefix("$") if path.startswith(("$", "[")) else f".{path}")
    match given.text("json_path_operator", "=="):
        case "==":
            wanted = {"json_matches": {here: re.escape(expected)}}
        case "!=":
            wanted = {"json_not_matches": {here: re.escape(expected)}}
        case "contains":
            wanted = {"json_matches": {here: rf"[\s\S]*{re.escape(expected)}[\s\S]*"}}
        case operator:
            raise Unportable(f"values in JSON are not compared by `{printable(operator)}`")
    return http(draft, what, given) | wanted


def ping(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """Echoes to a host. Raises Unportable."""
    count = given.whole("ping_count", 1)
    if given.whole("ping_per_request_timeout", 2) != 2:
        draft.left(what, "`ping_per_request_timeout`: a run has one timeout for all its echoes")
    found: dict[str, Any] = {"kind": "internet.ping", "host": given.text("hostname")}
    if count > 1:
        found["count"] = count
    else:
        draft.changed(what, "sends 5 echoes per run instead of 1, so that loss is measured; add `count: 1` to go back")
    if (size := given.whole("packet_size", 56)) != 56:
        found["size"] = size
    return found | _family(given)


def port(_draft: Draft, _what: str, given: Settings) -> dict[str, Any]:
    """A TCP port. Raises Unportable."""
    return {"kind": "internet.tcp", "host": given.text("hostname"), "port": given.whole("port")} | _family(given)


def dns(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """A question to a DNS server. Raises Unportable."""
    servers = [one.strip() for one in given.text("dns_resolve_server", "1.1.1.1").split(",")]
    if len(servers) > 1:
        draft.left(what, f"of its servers only the first, {printable(servers[0])}; add a check for each other one")
    host, stated = host_and_port(servers[0])
    found = {
        "kind": "internet.dns",
        "query_name": given.text("hostname"),
        "query_type": given.text("dns_resolve_type", "A"),
        "resolver": host,
    }
    number = stated or given.whole("port", 53) or 53
    return found | ({"port": number} if number != 53 else {}) | _conditions(draft, what, given)


def push(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """A job that calls. Raises Unportable."""
    period = max(given.whole("interval", 60), _LEAST_PERIOD)
    grace = max(given.whole("maxretries") * (given.whole("retry_interval") or period), 1)
    draft.changed(what, "the job must call /ping/KEY instead of /api/push/TOKEN; /ping/KEY/fail says that it failed")
    key = draft.secret(f"the push token of {what}, or a new key of at least 16 characters", what, "key")
    return {"kind": "passive.heartbeat", "key": key, "period": period, "grace": grace}


def mqtt(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """Messages to a broker. Raises Unportable."""
    scheme, _, rest = given.text("hostname").rpartition("://")
    if scheme not in ("", "mqtt", "mqtts"):
        raise Unportable(f"MQTT is spoken by TCP and TLS, not by {printable(scheme)}")
    if given.text("mqtt_check_type", "keyword") != "keyword":
        raise Unportable("what stands in a message is read by `value`, a JSONPath; set it up by hand")
    host, stated = host_and_port(rest)
    found: dict[str, Any] = {"kind": "passive.mqtt", "host": host, "topic": given.text("mqtt_topic")}
    if number := stated or given.whole("port"):
        found["port"] = number
    if scheme == "mqtts":
        found["tls"] = True
    if user := given.text("mqtt_username"):
        found |= basic(draft, what, user)
    if word := given.text("mqtt_success_message"):
        found["offline"] = rf"(?![\s\S]*{re.escape(word)})[\s\S]*"
    found["max_age"] = given.whole("interval", 60)
    draft.changed(what, "listens all the time; silence longer than the interval counts, not a message in each run")
    return found


def _body(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """The body and header lines to send."""
    lines: dict[str, str] = {}
    body = plain(given.text("body"), "body")
    if body:
        lines["Content-Type"] = _CONTENT.get(given.text("http_body_encoding", "json"), "text/plain")
    if text := given.text("headers"):
        lines |= _json_words(text)
    return ({"body": body} if body else {}) | headers(draft, what, lines)


def _json_words(text: str) -> Mapping[str, str]:
    try:
        return Settings({"headers": json.loads(text)}).words("headers")
    except (ValueError, RecursionError):
        raise Unportable("its header lines are no JSON") from None


def _sign_in(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    method = given.text("auth_method")
    if method in _SIGN_INS:
        raise Unportable(f"its sign-in by {_SIGN_INS[method]} has no counterpart here")
    user = given.text("basic_auth_user")
    return basic(draft, what, user) if user else {}


def _redirects(given: Settings) -> dict[str, Any]:
    most = given.whole("maxredirects", 10)
    if most == 0:
        return {"follow_redirects": False}
    return {} if most == 10 else {"max_redirects": most}


def _family(given: Settings) -> dict[str, Any]:
    wanted = given.text("ip_family")
    return {"family": wanted} if wanted in ("ipv4", "ipv6") else {}


def _statuses(given: Settings) -> list[int | str]:
    try:
        codes = json.loads(given.text("accepted_statuscodes_json", '["200-299"]'))
    except (ValueError, RecursionError):
        raise Unportable("its accepted status codes are no JSON") from None
    return [int(code) if code.isdigit() else code for code in Settings({"codes": codes}).texts("codes")]


def _certificates(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """Whether the end of a certificate is told."""
    if not given.text("url").startswith("https:"):
        return {}
    if given.flag("expiry_notification", True) and not given.flag("ignore_tls"):
        draft.changed(what, "the end of its certificate is a warning 14 days and critical 3 days before")
        return {}
    return {"rules": dict.fromkeys(_CERTIFICATE_RULES, "off")}


def _conditions(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """What a record must be like, where it is one condition on it."""
    try:
        conditions = json.loads(given.text("conditions") or "[]")
    except (ValueError, RecursionError):
        raise Unportable("its conditions are no JSON") from None
    listed = Settings({"conditions": conditions}).entries("conditions")
    if not listed:
        return {}
    if len(listed) == 1 and listed[0].text("variable") == "record":
        value = re.escape(listed[0].text("value"))
        match listed[0].text("operator"):
            case "contains":
                return {"answer_matches": [value]}
            case "not_contains":
                return {"answer_not_matches": [value]}
            case "equals":
                return {"answer_matches": [rf"\s{value}\.?$"]}
    draft.left(what, "its conditions: `answer_matches` takes patterns for records; write them by hand")
    return {}
