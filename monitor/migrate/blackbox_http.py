"""The settings of blackbox_exporter's http prober as those of `internet.http`."""

import re
from typing import Any

from monitor.config.document import printable
from monitor.migrate.draft import Draft, Unportable
from monitor.migrate.patterns import lacks, python
from monitor.migrate.secrets import basic, headers, is_plain, plain
from monitor.migrate.settings import Settings, first

_VERSIONS = {"HTTP/1.1": "1.1", "HTTP/2.0": "2", "HTTP/2": "2", "HTTP/3.0": "3", "HTTP/3": "3"}
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "KIB": 2**10, "MIB": 2**20}
_REASONS = {
    "proxy_url": "checks connect directly, not by a proxy",
    "proxy_from_environment": "checks connect directly, not by a proxy",
    "proxy_connect_header": "checks connect directly, not by a proxy",
    "use_proxy_dns": "checks connect directly, not by a proxy",
    "no_proxy": "checks connect directly anyway",
    "skip_resolve_phase_with_proxy": "checks connect directly, not by a proxy",
    "compression": "compressed answers are asked for and understood anyway",
    "body_file": "a body is written in the configuration, as `body`",
    "fail_if_body_json_matches_cel": "no CEL here; `json_not_matches` compares what a JSONPath leads to",
    "fail_if_body_json_not_matches_cel": "no CEL here; `json_matches` compares what a JSONPath leads to",
}


def settings(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """The settings of a module, without the URL. Raises Unportable when a check without it would mean nothing."""
    found: dict[str, Any] = {}
    if method := given.text("method"):
        found["method"] = method.upper()
    if body := given.text("body"):
        found["body"] = plain(body, "body")
    if statuses := given.texts("valid_status_codes"):
        found["statuses"] = [int(status) if status.isdigit() else status for status in statuses]
    found |= {key: True for key in ("fail_if_ssl", "fail_if_not_ssl") if given.flag(key)}
    found |= _redirects(given)
    found |= _version(draft, what, given)
    found |= _patterns(draft, what, given)
    found |= _sent(draft, what, given)
    found |= _sign_in(draft, what, given)
    found |= tls(draft, what, given.inner("tls_config"), {"ca_file": "ca_file"})
    found |= family(draft, what, given)
    found |= _largest(given)
    _note(draft, what, given)
    return found


def tls(draft: Draft, what: str, given: Settings, names: dict[str, str]) -> dict[str, Any]:
    """The settings for TLS; `names` are the kind's names of what is taken over as it is."""
    found: dict[str, Any] = {"tls_verify": False} if given.flag("insecure_skip_verify") else {}
    found |= {ours: given.text(theirs) for theirs, ours in names.items() if given.text(theirs)}
    if given.text("cert_file") or given.text("cert"):
        raise Unportable("checks have no client certificates")
    given.raw("key_file"), given.raw("key")
    for key in given.rest:
        draft.left(what, f"`tls_config.{key}` has no counterpart here")
    return found


def family(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """The IP version. Ours is one or what the machine would use; theirs may fall back to the other one."""
    wanted, fallback = given.text("preferred_ip_protocol"), given.flag("ip_protocol_fallback", True)
    if not wanted:
        return {}
    if fallback and wanted == "ip6":
        draft.changed(what, "prefers IPv6: here it takes what the machine itself would use")
        return {}
    if fallback:
        draft.changed(what, "prefers IPv4: here it does not fall back to IPv6")
    return {"family": wanted.replace("ip", "ipv")}


def _redirects(given: Settings) -> dict[str, Any]:
    stays = given.flag("no_follow_redirects") or not given.flag("follow_redirects", True)
    return {"follow_redirects": False} if stays else {}


def _version(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    wanted = given.texts("valid_http_versions")
    only3, below2 = given.flag("enable_http3"), not given.flag("enable_http2", True)
    if only3 or below2:
        draft.changed(what, f"asks for HTTP/{3 if only3 else 1.1}, and expects it")
        return {"http_version": "3" if only3 else "1.1"}
    if not wanted:
        return {}
    if len(wanted) > 1 or wanted[0] not in _VERSIONS:
        draft.left(what, f"`valid_http_versions`: one version can be expected, not {printable(', '.join(wanted))}")
        return {}
    draft.changed(what, f"asks for {wanted[0]}, and expects it")
    return {"http_version": _VERSIONS[wanted[0]]}


def _patterns(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "body_matches": [python(one) for one in given.texts("fail_if_body_not_matches_regexp")],
        "body_not_matches": [python(one) for one in given.texts("fail_if_body_matches_regexp")],
    }
    lines: dict[str, str] = {}
    for key, made in (("fail_if_header_not_matches", python), ("fail_if_header_matches", lacks)):
        for spec in given.entries(key):
            name, pattern = spec.text("header"), made(spec.text("regexp"))
            if spec.flag("allow_missing"):
                draft.left(what, f"`{key}` of {printable(name)}: here the header line must be there")
            elif name in lines:
                draft.left(what, f"`{key}` of {printable(name)}: here a header line has one pattern")
            else:
                lines[name] = pattern
    return {key: value for key, value in (found | {"header_matches": lines}).items() if value}


def _sent(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    lines = given.words("headers")
    for name, line in given.inner("http_headers").given.items():
        values = Settings(line).texts("values") if isinstance(line, dict) else ()
        lines[name] = first(values)
        if is_plain(name) and len(values) != 1:
            raise Unportable(f"its header {printable(name)} has not exactly one value")
    return headers(draft, what, lines)


def _sign_in(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    if given.raw("oauth2"):
        raise Unportable("its sign-in by OAuth 2 has no counterpart here")
    user = given.inner("basic_auth")
    if user.given:
        file = user.text("password_file")
        found = {"password": f"${{file:{file}}}"} if file.startswith("/") else {}
        name = user.text("username")
        return {"username": name, **found} if found else basic(draft, what, name)
    token = given.inner("authorization")
    if (scheme := token.text("type")) and scheme.lower() != "bearer":
        raise Unportable(f"its sign-in {printable(scheme)} has no counterpart here; use `secret_headers`")
    file = given.text("bearer_token_file") or token.text("credentials_file")
    if file.startswith("/"):
        return {"bearer": f"${{file:{file}}}"}
    if file or token.given or given.text("bearer_token"):
        return {"bearer": draft.secret(f"the bearer token of {what}", what, "bearer")}
    return {}


def _largest(given: Settings) -> dict[str, Any]:
    text = given.text("body_size_limit")
    found = re.fullmatch(r"(\d{1,9})([KM]?i?B)?", text, re.IGNORECASE)
    if found is None or not int(found[1]):
        return {}
    return {"max_body": int(found[1]) * _UNITS[(found[2] or "").upper()]}


def _note(draft: Draft, what: str, given: Settings) -> None:
    for key, reason in _REASONS.items():
        if given.raw(key):
            draft.left(what, f"`{key}`: {reason}")
