"""What a Prometheus shall scrape of a Deskwatch, as the files of its file-based service discovery have it (pure)."""

import json
from collections.abc import Mapping
from typing import NamedTuple, TypedDict
from urllib.parse import urlsplit

from pydantic import ValidationError

from monitor.config.model import Check, Config, Server
from probes import load

OFFSET = 0.5
"""Seconds of a scrape's timeout that /probe keeps for the answer's way back."""


class Group(TypedDict):
    """One entry of the file: targets as host and port, and the labels that all of them get."""

    targets: list[str]
    labels: dict[str, str]


class Targets(NamedTuple):
    """Probes on demand for the checks of a site, and the ids of the checks that cannot be asked for that way."""

    groups: tuple[Group, ...]
    left_out: tuple[str, ...]


def address(server: Server) -> str:
    """The web address at which people reach a Deskwatch, or else where it listens.

    Raises ValueError if it listens on every address and none is named.
    """
    if server.url:
        return server.url
    if server.host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        raise ValueError(f"Deskwatch listens on every address ({server.host}); set server.url, or say one with --by")
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{'http' if server.tls is None else 'https'}://{host}:{server.port}"


def site_group(address: str) -> Group:
    """The /metrics of the Deskwatch at a web address."""
    return _group(address, {})


def probe_groups(config: Config, address: str) -> Targets:
    """A probe on demand for each check, measured by the Deskwatch at a web address.

    Left out are checks of kinds that are not measured on demand, and those with settings that no URL can or should
    carry, like passwords.
    """
    groups, left_out = [], []
    for check in config.checks:
        asked = _parameters(check)
        if asked is None:
            left_out.append(check.id)
        else:
            groups.append(_group(address, asked | _labels(config.site.id, check)))
    return Targets(tuple(groups), tuple(left_out))


def setting(text: str) -> object:
    """What a parameter of /probe says: lists and mappings are given as JSON, anything else is text."""
    try:
        return json.loads(text) if text.startswith(("[", "{")) else text
    except (ValueError, RecursionError):
        return text


def _group(address: str, labels: Mapping[str, str]) -> Group:
    url = urlsplit(address)
    port = "" if url.port else ":443" if url.scheme == "https" else ":80"
    return Group(targets=[f"{url.netloc}{port}"], labels={"__scheme__": url.scheme, **labels})


def _labels(site: str, check: Check) -> dict[str, str]:
    """The labels that the check has in /metrics, and how often and how long Prometheus asks."""
    return {
        "__metrics_path__": "/probe",
        "__scrape_interval__": _duration(check.interval),
        "__scrape_timeout__": _duration(min(check.timeout + OFFSET, check.interval)),
        "instance": check.params.target,
        "site": site,
        "asset": check.asset,
        "check": check.id,
        "kind": check.kind,
    }


def _parameters(check: Check) -> dict[str, str] | None:
    """What /probe must be asked to measure just as the check does; None if it cannot be asked for that."""
    if not load(check.kind).on_demand:
        return None
    params = check.params
    told = params.of_target(params.target)
    settings = params.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    asked = {name: _text(value) for name, value in settings.items() if told.get(name) != value}
    try:
        understood = params.model_validate(told | {name: setting(text) for name, text in asked.items()})
    except ValidationError:  # a masked secret, for one, is no reference to a secret
        return None
    if understood != params:
        return None
    parameters = {"module": check.kind, "target": params.target, **asked}
    return {f"__param_{name}": text for name, text in parameters.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
