"""What must agree across the whole configuration: ids used once, references that lead somewhere, no circles."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from monitor.config.document import Place, printable
from monitor.config.file import AssetFile, RouteFile
from monitor.config.model import Check
from monitor.config.problems import Findings


class FoundAsset(NamedTuple):
    """An asset of the file; `id` and `depends_on` are as written, `file` is None if the entry has problems."""

    section: str
    place: Place
    id: str
    depends_on: tuple[str, ...]
    file: AssetFile | None
    checks: tuple[tuple[Place, Check], ...]


class FoundRoute(NamedTuple):
    """A route of the file; `id` and `assets` are as written, `file` is None if the entry has problems."""

    place: Place
    id: str
    assets: tuple[str, ...]
    file: RouteFile | None


def verify(assets: Sequence[FoundAsset], routes: Sequence[FoundRoute], findings: Findings) -> None:
    """Note everything that does not agree."""
    _used_once(((asset.place, asset.id) for asset in assets), "asset", findings)
    _used_once(((route.place, route.id) for route in routes), "route", findings)
    for asset in assets:
        _checks_named_once(asset, findings)
    sections = {asset.id: asset.section for asset in assets}
    for asset in assets:
        _exist(asset.place.at("depends_on"), asset.depends_on, sections, findings)
    for route in routes:
        _exist(route.place.at("assets"), route.assets, sections, findings)
        if route.file is not None:
            _can_match(route.place, route.file, sections, findings)
    places = {asset.id: asset.place for asset in assets}
    for circle in circles({asset.id: asset.depends_on for asset in assets}):
        path = " -> ".join(printable(name) for name in (*circle, circle[0]))
        findings.add(places[circle[0]].at("depends_on"), f"goes in a circle: {path}; remove one of these")


def circles(graph: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, ...]]:
    """The circles that a walk through a graph finds: at least one of those that share a node."""
    done: set[str] = set()
    for start in graph:
        path: dict[str, Iterator[str]] = {} if start in done else {start: iter(graph[start])}
        while path:
            node = next(reversed(path))
            following = next(path[node], None)
            if following is None:
                del path[node]
                done.add(node)
            elif following in path:
                nodes = tuple(path)
                yield nodes[nodes.index(following) :]
            elif following in graph and following not in done:
                path[following] = iter(graph[following])


def _used_once(entries: Iterable[tuple[Place, str]], noun: str, findings: Findings) -> None:
    first: dict[str, Place] = {}
    for place, name in entries:
        if name and name in first:
            message = f"another {noun} has the id `{printable(name)}`: {first[name].spot}; change one"
            findings.add(place.at("id"), message)
        first.setdefault(name, place)


def _checks_named_once(asset: FoundAsset, findings: Findings) -> None:
    first: dict[str, Place] = {}
    for place, check in asset.checks:
        if check.name in first:
            spot = first[check.name].spot
            findings.add(place.at("name"), f"another check of the asset is called `{check.name}`: {spot}; name one")
        first.setdefault(check.name, place)


def _exist(place: Place, ids: Iterable[str], known: Mapping[str, Any], findings: Findings) -> None:
    for index, name in enumerate(ids):
        if name not in known:
            here = place.at(index) if place.at(index).exists else place
            findings.add(here, f"there is no asset `{printable(name)}`{findings.did_you_mean(name, known)}")


def _can_match(place: Place, route: RouteFile, sections: Mapping[str, str], findings: Findings) -> None:
    """Note a route that no fault can ever take."""
    if not any(severity.pages for severity in route.severities):
        findings.add(place.at("severities"), "can never match: only warning and critical tell anybody")
    if not route.sections:
        return
    if not route.assets:
        empty = set(route.sections).difference(sections.values())
        if empty == set(route.sections):
            findings.add(place.at("sections"), f"can never match: there are no assets in {', '.join(route.sections)}")
    elif not any(sections.get(name, section) == section for name in route.assets for section in route.sections):
        findings.add(place.at("assets"), f"can never match: none of them is in {', '.join(route.sections)}")
