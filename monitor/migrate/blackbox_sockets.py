"""The settings of blackbox_exporter's tcp, icmp and dns probers as those of our kinds."""

from typing import Any

from monitor.config.document import printable
from monitor.migrate.blackbox_http import family, tls
from monitor.migrate.draft import Draft, Unportable
from monitor.migrate.patterns import lacks, python
from monitor.migrate.secrets import plain
from monitor.migrate.settings import Settings

_LEAST_PAYLOAD = 8  # the bytes by which an echo of ours is recognised


def tcp(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """The settings of a tcp module, without host and port. Raises Unportable."""
    found: dict[str, Any] = {"tls": True} if given.flag("tls") else {}
    found |= tls(draft, what, given.inner("tls_config"), {"server_name": "server_name"})
    if steps := _steps(draft, what, given):
        found["steps"] = steps
    return found | family(draft, what, given) | _source(given)


def icmp(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """The settings of an icmp module, without the host. Raises Unportable."""
    draft.changed(what, "sends 5 echoes per run instead of 1, so that loss is measured; add `count: 1` to go back")
    found: dict[str, Any] = {"dont_fragment": True} if given.flag("dont_fragment") else {}
    if size := given.whole("payload_size"):
        found["size"] = max(size, _LEAST_PAYLOAD)
    if ttl := given.whole("ttl"):
        found["ttl"] = ttl
    return found | family(draft, what, given) | _source(given)


def dns(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """The settings of a dns module, without the server. Raises Unportable."""
    if given.flag("dns_over_tls"):
        raise Unportable("`internet.dns` asks by UDP and TCP, not over TLS")
    if (kept := given.text("query_class", "IN")) != "IN":
        raise Unportable(f"`internet.dns` asks for the class IN, not for {printable(kept)}")
    # As there, an answer without any record is right; what records it must have is said below.
    found: dict[str, Any] = {
        "query_name": given.text("query_name"),
        "query_type": given.text("query_type", "ANY"),
        "min_answers": 0,
    }
    if (transport := given.text("transport_protocol", "udp")) != "udp":
        found["transport"] = transport.rstrip("46")
    if rcodes := given.texts("valid_rcodes"):
        found["rcodes"] = list(rcodes)
    if not given.flag("recursion_desired", True):
        found["recursion"] = False
    for section in ("authority", "additional"):
        if given.raw(f"validate_{section}_rrs"):
            draft.left(what, f"`validate_{section}_rrs`: `internet.dns` looks at the answer section only")
    found |= _answers(draft, what, given.inner("validate_answer_rrs"))
    return found | family(draft, what, given) | _source(given)


def _steps(draft: Draft, what: str, given: Settings) -> list[dict[str, str]]:
    """The dialogue; none, with the reason noted, when a part of it cannot be carried, as the rest would get stuck."""
    steps: list[dict[str, str]] = []
    for turn in given.entries("query_response"):
        expected, sent = turn.text("expect"), turn.text("send")
        reason = _hinders(turn, sent)
        if reason:
            draft.left(what, f"`query_response`: {reason}; only the connection is looked at")
            return []
        if expected:
            steps.append({"expect": python(expected)})
        if sent:
            steps.append({"send": plain(sent, "dialogue").replace("\\", "\\\\") + "\\n"})
    return steps


def _hinders(turn: Settings, sent: str) -> str:
    """Why a turn of a dialogue cannot be carried, "" if it can."""
    if turn.flag("starttls"):
        return "a dialogue cannot go over to TLS"
    if "${" in sent:
        return "what is sent cannot repeat what was heard"
    left = list(turn.rest)
    return f"`{left[0]}` has no counterpart here" if left else ""


def _answers(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """What the records of an answer must be like."""
    found: dict[str, Any] = {}
    unwanted = [_of_record(one) for one in given.texts("fail_if_matches_regexp")]
    unwanted += [lacks(_of_record(one)) for one in given.texts("fail_if_not_matches_regexp")]
    if unwanted:
        found["answer_not_matches"] = unwanted
    wanted = [_of_record(one) for one in given.texts("fail_if_none_matches_regexp")]
    if wanted:
        found["answer_matches"] = wanted
    if given.raw("fail_if_not_matches_regexp"):
        found["min_answers"] = 1
    if given.raw("fail_if_all_match_regexp"):
        draft.left(what, "`fail_if_all_match_regexp` has no counterpart here")
    return found


def _of_record(pattern: str) -> str:
    """Theirs has tabs where ours has spaces."""
    return python(pattern.replace("\\t", r"\s").replace("\t", r"\s"))


def _source(given: Settings) -> dict[str, Any]:
    address = given.text("source_ip_address")
    return {"source": address} if address else {}
