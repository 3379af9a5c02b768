"""Makes checks of blackbox_exporter's modules, and assets of what Prometheus lets it look at."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from monitor.config.document import printable
from monitor.migrate import blackbox_http, blackbox_sockets
from monitor.migrate.addresses import host_and_port, with_scheme
from monitor.migrate.draft import Draft, Migration, Unportable, tags
from monitor.migrate.names import Names
from monitor.migrate.pace import pace
from monitor.migrate.prometheus_targets import INTERVAL, TIMEOUT, Target
from monitor.migrate.secrets import address
from monitor.migrate.settings import Settings, yaml_settings

PLACEHOLDER = "change-me.invalid"
"""The host of a check of which only the module is known. It never exists (RFC 6761)."""

_PROBERS: Mapping[str, tuple[str, Callable[[Draft, str, Settings], dict[str, Any]]]] = {
    "http": ("internet.http", blackbox_http.settings),
    "tcp": ("internet.tcp", blackbox_sockets.tcp),
    "icmp": ("internet.ping", blackbox_sockets.icmp),
    "dns": ("internet.dns", blackbox_sockets.dns),
}
_REASONS = {
    "grpc": "no kind speaks gRPC; `passive.plugin` runs a plugin that does",
    "websocket": "no kind speaks WebSocket; `internet.http` watches the page behind it",
    "unix": "no kind connects to Unix sockets; `passive.plugin` runs a plugin that does",
}


class _Module(NamedTuple):
    """A module as settings of a kind, without the target; `timeout` in seconds, 0 if it says none."""

    name: str
    kind: str
    settings: Mapping[str, Any]
    timeout: float


def migrated(text: str, targets: Sequence[Target] | None, draft: Draft) -> Migration:
    """What a `blackbox.yml` holds, with the targets of its jobs; None makes templates of its modules.

    `draft` knows already what became of the jobs. Raises ValueError when it is no configuration of blackbox_exporter.
    """
    given = yaml_settings("blackbox.yml", text).given.get("modules")
    if not isinstance(given, dict) or not given or not all(isinstance(one, dict) for one in given.values()):
        raise ValueError("it is no configuration of blackbox_exporter: it must have `modules`, each with a `prober`")
    used = given.keys() if targets is None else {target.module for target in targets}
    modules = {name: _module(draft, name, Settings(one)) for name, one in given.items() if name in used}
    for name in given.keys() - used:
        draft.left(_what(name), "no job of Prometheus uses it")
    for several in _by_host(_templates(given) if targets is None else targets):
        _asset(draft, several, modules)
    return draft.finished()


def _templates(names: Mapping[str, Any]) -> list[Target]:
    return [Target(PLACEHOLDER, name, INTERVAL, TIMEOUT, ()) for name in names]


def _by_host(targets: Sequence[Target]) -> list[list[Target]]:
    """The targets of one asset each: those with the same address; templates are one asset each."""
    found: dict[str, list[Target]] = {}
    for target in targets:
        found.setdefault(target.module if target.address == PLACEHOLDER else target.address, []).append(target)
    return list(found.values())


def _module(draft: Draft, name: str, given: Settings) -> _Module | None:
    """A module as settings, None with the reason noted if it cannot be carried."""
    what = _what(name)
    with draft.attempt(what):
        prober, timeout = given.text("prober"), given.seconds("timeout")
        if prober not in _PROBERS:
            raise Unportable(_REASONS.get(prober, f"there is no prober `{printable(prober)}` here"))
        kind, read = _PROBERS[prober]
        inner = given.inner(prober)
        settings = read(draft, what, inner)
        for key in inner.rest:
            draft.left(what, f"`{key}` has no counterpart here")
        for key in given.rest:
            draft.left(what, f"`{key}` belongs to another prober")
        return _Module(name, kind, settings, timeout)
    return None


def _asset(draft: Draft, targets: Sequence[Target], modules: Mapping[str, _Module | None]) -> None:
    """One asset for what stands at one address, with a check for each module that looks at it."""
    names, checks, origins = Names(), [], []
    for target in targets:
        if target.module not in modules:
            draft.left(f"target {target.address}", f"there is no module {printable(target.module)}")
            continue
        module = modules[target.module]
        if module is None and target.address == PLACEHOLDER:
            continue
        if module is None:
            draft.left(f"target {target.address}", f"its module {printable(target.module)} was not carried")
            continue
        origins.append(module.name)
        checks.append((module, target, names.new(module.name, "check")))
    if not checks:
        return
    template = targets[0].address == PLACEHOLDER
    title = checks[0][0].name if template else targets[0].address
    origin = f"{_what(', '.join(origins))}" + ("" if template else f" on {targets[0].address}")
    with draft.attempt(origin):
        made = [_check(draft, origin, *one) for one in checks]
        draft.asset(title, origin, made, **tags(*(word for target in targets for word in target.labels)))


def _check(draft: Draft, what: str, module: _Module, target: Target, name: str) -> dict[str, Any]:
    # As blackbox_exporter does: its own timeout, but never as long as Prometheus waits.
    patience = min(module.timeout or target.timeout, target.timeout)
    aim = _aim(draft, what, module, target.address)
    rhythm = pace(draft, what, target.interval, patience)
    return {"kind": module.kind, "name": name, **aim, **module.settings, **rhythm}


def _aim(draft: Draft, what: str, module: _Module, target: str) -> dict[str, Any]:
    """The settings that say where to look."""
    if module.kind == "internet.http":
        return address(draft, what, with_scheme(target))
    host, port = host_and_port(target)
    if module.kind == "internet.ping":
        return {"host": host}
    if module.kind == "internet.dns":
        return {"resolver": host} | ({"port": port} if port else {})
    if not port and target != PLACEHOLDER:
        raise Unportable("a target of the tcp prober has a port")
    return {"host": host, "port": port or (443 if module.settings.get("tls") else 80)}


def _what(module: str) -> str:
    return f"module {module}"
