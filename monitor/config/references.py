"""What must agree across the whole configuration: ids used once, references that lead somewhere, no circles."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from monitor.config.document import MarkedDict, MarkedList, Place, printable
from monitor.config.file import AssetFile
from monitor.config.file_alerting import MaintenanceFile, OnCallFile, PersonFile, RouteFile
from monitor.config.model import Check
from monitor.config.parts import Part
from monitor.config.problems import Findings

P = TypeVar("P", bound=Part)

_SCHEDULE = "on-call schedule"

Groups = tuple[tuple[str, ...], ...]
"""What an asset depends on: on each group, and on a group as long as one of its assets works."""


class FoundAsset(NamedTuple):
    """An asset of the file; `id` is as written, `file` is None if the entry has problems."""

    section: str
    place: Place
    id: str
    file: AssetFile | None
    checks: tuple[tuple[Place, Check], ...]


class Found(NamedTuple, Generic[P]):
    """An entry of another section; `id` is as written, `file` is None if the entry has problems."""

    place: Place
    id: str
    file: P | None


class Told(NamedTuple):
    """The entries of the sections that say who is told of what, and when nobody is."""

    people: Sequence[Found[PersonFile]]
    on_call: Sequence[Found[OnCallFile]]
    routes: Sequence[Found[RouteFile]]
    maintenance: Sequence[Found[MaintenanceFile]]


class Mention(NamedTuple):
    """A place that names something by its id."""

    place: Place
    id: str


def verify(assets: Sequence[FoundAsset], told: Told, reports: Place | None, findings: Findings) -> None:
    """Note everything that does not agree; `reports` is where the section of that name stands."""
    used_once(((asset.place, "asset", asset.id) for asset in assets), findings)
    for asset in assets:
        _checks_named_once(asset, findings)
    sections = {asset.id: asset.section for asset in assets}
    naming = [route.place for route in told.routes] + [found.place for found in told.maintenance]
    for place in (*(asset.place.at("depends_on") for asset in assets), *(place.at("assets") for place in naming)):
        _exist(mentions(place), "asset", sections, findings)
    for route in told.routes:
        if route.file is not None:
            _can_match(route.place, route.file, sections, findings)
    places = {asset.id: asset.place for asset in assets}
    graph = {id: [one for group in groups for one in group] for id, groups in dependencies(assets).items()}
    for circle in circles(graph):
        path = " -> ".join(_shown(name) for name in (*circle, circle[0]))
        findings.add(places[circle[0]].at("depends_on"), f"goes in a circle: {path}; remove one of these")
    _verify_maintenance(assets, told, findings)
    _verify_names(told, reports, findings)


def verify_shown(assets: Iterable[FoundAsset], page: Place, findings: Findings) -> None:
    """Note assets of the status page that do not exist, or are there twice."""
    known = [asset.id for asset in assets]
    seen: set[str] = set()
    for entry in page.at("assets").entries:
        named = entry.at("id") if isinstance(entry.value, MarkedDict) else entry
        for mention in mentions(named):
            if mention.id in seen:
                findings.add(mention.place, f"`{_shown(mention.id)}` is on the page already; remove one")
            seen.add(mention.id)
            _exist([mention], "asset", known, findings)


def written_id(place: Place) -> str:
    """The id of an entry, "" if it is no text: ids count even where the entry has problems."""
    given = place.at("id").value
    return given if isinstance(given, str) else ""


def mentions(place: Place) -> Iterator[Mention]:
    """The ids that stand at a place: one by itself, a list of them, or what is inside `any_of`."""
    value = place.value
    if isinstance(value, str):
        yield Mention(place, value)
    elif isinstance(value, MarkedDict):
        yield from mentions(place.at("any_of"))
    for entry in place.entries:
        yield from mentions(entry)


def dependencies(assets: Sequence[FoundAsset]) -> Mapping[str, Groups]:
    """What each asset depends on, as written. For what is in `booking` and does not say it, any line to the internet
    is enough."""
    lines = _lines(assets)
    return {asset.id: _groups(asset, lines) for asset in assets}


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


def _lines(assets: Iterable[FoundAsset]) -> tuple[str, ...]:
    """The uplinks that no other uplink depends on: a router that the line behind it needs is not a way of its own."""
    uplinks = [asset for asset in assets if asset.section == "uplinks"]
    needed = {mention.id for asset in uplinks for mention in mentions(asset.place.at("depends_on"))}
    return tuple(asset.id for asset in uplinks if asset.id not in needed)


def _groups(asset: FoundAsset, lines: tuple[str, ...]) -> Groups:
    place = asset.place.at("depends_on")
    if place.value is None:
        return (lines,) if asset.section == "booking" and lines else ()
    entries = place.entries if isinstance(place.value, MarkedList) else (place,)
    return tuple(tuple(mention.id for mention in mentions(entry)) for entry in entries)


def _verify_maintenance(assets: Iterable[FoundAsset], told: Told, findings: Findings) -> None:
    tags = dict.fromkeys(mention.id for asset in assets for mention in mentions(asset.place.at("tags")))
    used_once(((found.place, "maintenance", found.id) for found in told.maintenance), findings)
    for found in told.maintenance:
        for mention in mentions(found.place.at("tags")):
            if mention.id not in tags:
                guess = findings.did_you_mean(mention.id, tags)
                findings.add(mention.place, f"no asset has the tag `{_shown(mention.id)}`{guess}")


def _verify_names(told: Told, reports: Place | None, findings: Findings) -> None:
    """People, on-call schedules and routes are named in one breath, so that their ids must differ."""
    people = [(found.place, "person", found.id) for found in told.people]
    schedules = [(found.place, _SCHEDULE, found.id) for found in told.on_call]
    routes = [(found.place, "route", found.id) for found in told.routes]
    named = [*people, *schedules, *routes]
    used_once(named, findings)
    nouns = {id: noun for _, noun, id in named if id}
    silent = {found.id for found in told.routes if found.place.at("to").value is None}
    for found in told.on_call:
        _exist(mentions(found.place.at("people")), "person", [id for _, _, id in people], findings)
        for mention in mentions(found.place.at("fallback")):
            if nouns.get(mention.id) == _SCHEDULE:
                message = f"`{_shown(mention.id)}` is an on-call schedule; name people, or routes with a `to`"
                findings.add(mention.place, message)
            else:
                _can_be_told(mention, nouns, silent, findings)
    for place in (*_steps(told.routes), *_report_readers(reports)):
        for mention in mentions(place):
            _can_be_told(mention, nouns, silent, findings)


def _steps(routes: Iterable[Found[RouteFile]]) -> Iterator[Place]:
    """Where routes say whom they tell."""
    return (step.at("to") for route in routes for step in route.place.at("steps").entries)


def _report_readers(reports: Place | None) -> Iterator[Place]:
    """Where reports say who gets them."""
    if reports is not None and isinstance(reports.value, MarkedDict):
        yield from (reports.at(name, "to") for name in reports.value)


def _can_be_told(mention: Mention, nouns: Mapping[str, str], silent: Collection[str], findings: Findings) -> None:
    """Note a name that leads to nobody; `silent` are the routes without a channel of their own."""
    shown, noun = _shown(mention.id), nouns.get(mention.id)
    if noun is None:
        guess = findings.did_you_mean(mention.id, nouns)
        remedy = "; a URL is the `to` of a person or a route" if "://" in mention.id else guess
        findings.add(mention.place, f"there is no person, on-call schedule or route `{shown}`{remedy}")
    elif noun == "route" and mention.id in silent:
        findings.add(mention.place, f"the route `{shown}` has no `to` and cannot be told; name people, or give it one")


def used_once(entries: Iterable[tuple[Place, str, str]], findings: Findings) -> None:
    """Note ids that are taken; each entry has its place, its noun and its id."""
    first: dict[str, tuple[Place, str]] = {}
    for place, noun, id in entries:
        if id and id in first:
            taken, by = first[id]
            findings.add(place.at("id"), f"another {by} has the id `{_shown(id)}`: {taken.spot}; change one")
        first.setdefault(id, (place, noun))


def _shown(id: str) -> str:
    """An id as written, for a message. Who writes a URL in its place may have written a secret."""
    scheme, slashes, _ = id.partition("://")
    return printable(f"{scheme}{slashes}***" if slashes else id)


def _checks_named_once(asset: FoundAsset, findings: Findings) -> None:
    first: dict[str, Place] = {}
    for place, check in asset.checks:
        if check.name in first:
            spot = first[check.name].spot
            findings.add(place.at("name"), f"another check of the asset is called `{check.name}`: {spot}; name one")
        first.setdefault(check.name, place)


def _exist(named: Iterable[Mention], noun: str, known: Collection[str], findings: Findings) -> None:
    for place, id in named:
        if id not in known:
            findings.add(place, f"there is no {noun} `{_shown(id)}`{findings.did_you_mean(id, known)}")


def _can_match(place: Place, route: RouteFile, sections: Mapping[str, str], findings: Findings) -> None:
    """Note a route that no fault can ever take."""
    if not any(severity.pages for severity in route.severities):
        findings.add(place.at("severities"), "can never match: only warning and critical tell anybody")
    if not route.sections:
        return
    if not route.assets:
        # Alerts that other programs send count as services.
        empty = set(route.sections).difference(sections.values(), {"services"})
        if empty == set(route.sections):
            findings.add(place.at("sections"), f"can never match: there are no assets in {', '.join(route.sections)}")
    elif not any(sections.get(name, section) == section for name in route.assets for section in route.sections):
        findings.add(place.at("assets"), f"can never match: none of them is in {', '.join(route.sections)}")
