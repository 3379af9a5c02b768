"""What needs somebody: incidents and faults by how many people they hit, and what nobody knows anything of."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from alerting.gates import Silence, Subject, hold
from alerting.oncall import Override, who_would_be_paged
from alerting.rules import Rule, Severity
from incidents.grouping import cause
from incidents.incident import Incident, Stage
from incidents.messages import REMEDIES, duration, plain
from language import DEFAULT, N_, current, gettext, local, ngettext, translated
from monitor.config.model import Asset, Check, Config
from monitor.reports.document import Item, Mark
from monitor.reports.endings import endings
from monitor.reports.members import tell
from monitor.subjects import subject
from probes import REASONS, UNKNOWN_REASONS, Reading, Status, load

_NEXT_BOOKING = "deskwatch_room_next_booking_timestamp_seconds"
_LATER = timedelta(hours=2)
"""What nobody needs until so long after opening weighs half."""
_WEIGHTS = {Severity.CRITICAL: 10, Severity.WARNING: 3, Severity.INFO: 1}
"""How much a fault of each severity weighs, for each of the people whom it hits."""
_MARKS = {Severity.CRITICAL: Mark.BAD, Severity.WARNING: Mark.WATCH, Severity.INFO: Mark.WATCH}
_OWN_PACE = N_("it is measured on its own schedule only")
_TOO_LATE = N_("it could not be measured in time")


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known when everything has been looked at.

    `readings` are the newest of every check that has one, `late` the checks whose run did not end in time, `firing` the
    rules that fire, by check and rule. `live` are the incidents that last, `past` those that are over and lasted into
    the time since `closed`, when the site closed last. `opens` is when it opens, None while it is open. `unreached` is,
    by destination, what its provider said, `problems` what is wrong with Deskwatch itself.
    """

    config: Config
    made: datetime
    closed: datetime
    opens: datetime | None
    readings: Mapping[str, Reading] = field(default_factory=dict)
    late: frozenset[str] = frozenset()
    firing: Collection[tuple[str, str]] = ()
    live: tuple[Incident, ...] = ()
    past: tuple[Incident, ...] = ()
    silences: tuple[Silence, ...] = ()
    overrides: tuple[Override, ...] = ()
    unreached: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


_Weighed = tuple[float, Item]
"""An item with its weight: people times severity, half of it where nobody needs the thing soon."""


class Unknown(NamedTuple):
    """A check of which nothing is known now; `waits` if nobody is at fault."""

    asset: Asset
    check: Check
    why: str
    waits: bool


class Found(NamedTuple):
    """Everything that there is to say. `works` counts the things that work, `checked` all that were looked at."""

    needs: tuple[Item, ...]
    soon: tuple[Item, ...]
    unknown: tuple[Unknown, ...]
    works: int
    checked: int


def found(seen: Seen) -> Found:
    """All that there is to say, what hits most people first."""
    counted = [asset for asset in seen.config.assets if any(_rule(check) for check in asset.checks)]
    unknown = tuple(_unknown(seen))
    broken = {asset.id for asset in counted if _down(asset, seen)} | {incident.asset for incident in seen.live}
    dark = {one.check.id for one in unknown}
    known = [asset for asset in counted if asset.id in broken or _is_known(asset, dark)]
    faults = sorted([*_incidents(seen, broken), *_faults(seen)], key=lambda one: (-one[0], one[1].title))
    return Found(
        needs=(*(item for _, item in faults), *_own(seen)),
        soon=tuple(_soon(seen)),
        unknown=unknown,
        works=sum(asset.id not in broken for asset in known),
        checked=len(known),
    )


def _is_known(asset: Asset, dark: Set[str]) -> bool:
    """Whether something of an asset was measured; `dark` are the checks that were not."""
    return any(_rule(check) and check.id not in dark for check in asset.checks)


def _rule(check: Check) -> Rule | None:
    """The rule by which people hear that a check is down; None if they do not: another check speaks for it."""
    return next((rule for rule in check.rules if rule.status is Status.DOWN and rule.severity.pages), None)


def _down(asset: Asset, seen: Seen) -> tuple[tuple[Check, Rule], ...]:
    """The checks of an asset that were looked at now and do not work, with what tells of them; the worst first."""
    down = [
        (check, rule)
        for check in asset.checks
        if (rule := _rule(check)) is not None
        and (reading := seen.readings.get(check.id)) is not None
        and reading.status is Status.DOWN
        and not _why_unknown(asset, check, seen)
    ]
    return tuple(sorted(down, key=lambda one: -one[1].severity.rank))


def _unknown(seen: Seen) -> Iterator[Unknown]:
    for asset in seen.config.assets:
        for check in asset.checks:
            why = _why_unknown(asset, check, seen) if _rule(check) else ""
            if why:
                waits = why == gettext(_OWN_PACE) or _waits(check, seen.readings.get(check.id), why)
                yield Unknown(asset, check, plain(why), waits)


def _waits(check: Check, reading: Reading | None, why: str) -> bool:
    """Whether a check is waiting to be told something, and that is why nothing is known."""
    return reading is not None and reading.reason == "waiting" and _told(check, reading) == why


def _told(check: Check, reading: Reading) -> str:
    """What a reading found. Its own words are English: in another language those of its reason come before them."""
    meaning = {**REASONS, **UNKNOWN_REASONS, **load(check.kind).reasons}.get(reading.reason, "")
    if current() == DEFAULT or not meaning:
        return reading.detail
    said = translated(meaning)
    return f"{said[:1].upper()}{said[1:]} ({reading.detail.rstrip('.')})"


def _why_unknown(asset: Asset, check: Check, seen: Seen) -> str:
    """Why nothing is known of a check now, "" if something is."""
    reading = seen.readings.get(check.id)
    if work := _pause(asset, seen):
        return gettext("planned work: {name}", name=work)
    if check.id in seen.late:
        return gettext(_TOO_LATE)
    if reading is None:
        return gettext(_OWN_PACE) if load(check.kind).dear else gettext("it has not been measured yet")
    if (seen.made - reading.at).total_seconds() > 2 * check.interval + 60:
        return gettext("there is nothing newer than {when}", when=local(reading.at, seen.config.site.hours.zone))
    return _told(check, reading) if reading.status is Status.UNKNOWN else ""


def _pause(asset: Asset, seen: Seen) -> str:
    """The planned work because of which an asset is not measured now, "" if there is none."""
    works = (one for one in seen.config.maintenances if one.skip)
    scope = (asset.id, asset.section, asset.tags)
    return next((one.name for one in works if one.scope.has(*scope) and one.is_on(seen.made)), "")


def _incidents(seen: Seen, broken: Set[str]) -> Iterator[_Weighed]:
    for incident in seen.live:
        asset, people = seen.config.asset(incident.asset), seen.config.served_by(incident.asset)
        severity, since = _severity(incident, asset, seen), local(incident.opened, seen.config.site.hours.zone)
        item = Item(
            key=f"incident/{incident.id}",
            title=plain(incident.title),
            hits=_hits(gettext("Since {when}.", when=since), people, asset, _explained(incident, broken, seen), seen),
            todo=_todo(asset),
            holder=_holder(incident, seen),
            tell=tell(asset, severity, is_down=_is_down(asset, seen)) if asset is not None else "",
            link=f"/incidents/{incident.id}",
            mark=_MARKS[severity],
        )
        yield _weight(severity, people, asset, seen), item


def _severity(incident: Incident, asset: Asset | None, seen: Seen) -> Severity:
    """How much an incident matters when the site is open: at night the same fault may count for less."""
    firing = [rule.severity for rule in _firing(asset, seen)] if asset is not None else []
    return max([incident.severity, *firing], key=lambda one: one.rank)


def _is_down(asset: Asset, seen: Seen) -> bool:
    """Whether a rule that tells somebody says that it is down."""
    return any(rule.status is Status.DOWN and rule.severity.pages for rule in _firing(asset, seen))


def _firing(asset: Asset, seen: Seen) -> list[Rule]:
    return [rule for check in asset.checks for rule in check.rules if (rule.check, rule.id) in seen.firing]


def _explained(incident: Incident, broken: Set[str], seen: Seen) -> tuple[str, ...]:
    """The names of the assets that do not work because that of the incident does not."""
    needs = {asset.id: asset.depends_on for asset in seen.config.assets}
    troubled = {one.asset for one in seen.live}
    return tuple(
        plain(asset.name)
        for asset in seen.config.assets
        if asset.id in broken - troubled and cause(asset.id, needs, troubled) == incident.asset
    )


def _faults(seen: Seen) -> Iterator[_Weighed]:
    """What was found not to work and has no incident yet: it has only just begun, or has to last first."""
    needs = {asset.id: asset.depends_on for asset in seen.config.assets}
    troubled = {incident.asset for incident in seen.live}
    for asset in seen.config.assets:
        down = _down(asset, seen)
        if down and cause(asset.id, needs, troubled) is None:
            yield _fault(asset, *down[0], seen)


def _fault(asset: Asset, check: Check, rule: Rule, seen: Seen) -> _Weighed:
    found = plain(_told(check, seen.readings[check.id])).rstrip(".")
    item = Item(
        key=f"asset/{asset.id}",
        title=f"{plain(asset.name)} {plain(translated(rule.says))}",
        hits=_hits(f"{found}.", asset.people, asset, (), seen),
        todo=_todo(asset),
        holder=_nobody_yet(asset, check, rule, seen),
        tell=tell(asset, rule.severity, is_down=True),
        link=f"/assets/{asset.id}",
        mark=_MARKS[rule.severity],
    )
    return _weight(rule.severity, asset.people, asset, seen), item


def _own(seen: Seen) -> Iterator[Item]:
    """What is wrong with Deskwatch itself: members notice nothing, but who reads this cannot rely on it."""
    for destination, words in seen.unreached.items():
        yield Item(
            key=f"unreached/{destination}",
            title=gettext("Messages do not reach {names}", names=_names(seen.config, [destination])),
            hits=plain(words),
            todo=gettext("Tell whom they are for, and have the address of this destination corrected."),
            link="/deliveries",
            mark=Mark.WATCH,
        )
    for problem in seen.problems:
        yield Item(
            key=f"deskwatch/{plain(problem)[:80]}",
            title=gettext("Deskwatch itself has a problem"),
            hits=plain(problem),
            todo=gettext("Call whoever looks after Deskwatch; until then do not rely on it alone."),
            link="/",
            mark=Mark.WATCH,
        )


def _soon(seen: Seen) -> Iterator[Item]:
    yield from _drill(seen)
    for asset in seen.config.assets:
        for check in asset.checks:
            reading = seen.readings.get(check.id)
            if reading is not None and not _why_unknown(asset, check, seen):
                yield from endings(asset, check, reading, seen.firing)


def _drill(seen: Seen) -> Iterator[Item]:
    """That everybody's pager is tested today."""
    drill, wall = seen.config.drill, seen.made.astimezone(seen.config.site.hours.zone)
    if drill is not None and wall.weekday() == drill.weekday and wall.time() < drill.at:
        title = gettext("Pager drill today at {time}", time=f"{drill.at:%H:%M}")
        within = duration(drill.within)
        todo = gettext("Everybody presses the button in the message within {length}.", length=within)
        yield Item(f"drill/{wall:%Y-%m-%d}", title, todo=todo, mark=Mark.WATCH)


def _weight(severity: Severity, people: int, asset: Asset | None, seen: Seen) -> float:
    weight = float(_WEIGHTS[severity] * people)
    needed = _needed(asset, seen)
    return weight / 2 if needed is not None and needed > (seen.opens or seen.made) + _LATER else weight


def _needed(asset: Asset | None, seen: Seen) -> datetime | None:
    """When a room is booked next; None for what is needed from the beginning, or if nobody knows."""
    readings = (seen.readings.get(check.id) for check in asset.checks) if asset is not None else ()
    at = [value for one in readings if one is not None and (value := one.value(_NEXT_BOOKING)) is not None]
    return datetime.fromtimestamp(min(at), seen.made.tzinfo) if at else None


def _hits(first: str, people: int, asset: Asset | None, also: Iterable[str], seen: Seen) -> str:
    """Whom a fault hits, after a sentence of its own."""
    others, needed, zone = ", ".join(also), _needed(asset, seen), seen.config.site.hours.zone
    said = (
        first,
        ngettext("It serves {number} person.", "It serves {number} people.", people) if people else "",
        plain(asset.affects) if asset is not None else "",
        gettext("Also down because of it: {names}.", names=others) if others else "",
        gettext("Next booking: {when}.", when=local(needed, zone)) if needed is not None else "",
    )
    return " ".join(one for one in said if one)


def _todo(asset: Asset | None) -> str:
    if asset is None:
        return ""
    return plain(asset.remedy) or gettext(REMEDIES.get(asset.section, ""))


def _holder(incident: Incident, seen: Seen) -> str:
    """Who has an incident; else who was told, or why nobody was."""
    zone = seen.config.site.hours.zone
    if incident.stage is Stage.ACKNOWLEDGED:
        who = plain(incident.acknowledged_by) or gettext("Somebody")
        if incident.acknowledged is None:
            return gettext("{who} has it.", who=who)
        return gettext("{who} has it, since {when}.", who=who, when=local(incident.acknowledged, zone))
    if incident.told:
        names = _names(seen.config, [one.destination for one in incident.told])
        return gettext("Nobody has it yet. Told: {names}.", names=names)
    if incident.waiting:
        return gettext("Nobody was told: {why}.", why=plain(incident.waiting[0].hold.words))
    return gettext("Nobody has it, and nobody was told: no route is for it.")


def _nobody_yet(asset: Asset, check: Check, rule: Rule, seen: Seen) -> str:
    """What becomes of a fault that has no incident."""
    config, zone = seen.config, seen.config.site.hours.zone
    about = subject(config, asset, check.kind, rule, rule.severity)
    held = hold(about, seen.silences, config.maintenances, None, seen.made, zone)
    if held is not None:
        return gettext("Nobody is told: {why}.", why=plain(held.words))
    return f"{gettext('It has only just been found.')} {_on_call(about, seen)}"


def _on_call(about: Subject, seen: Seen) -> str:
    """Who would be told first."""
    config, zone = seen.config, seen.config.site.hours.zone
    rungs = who_would_be_paged(config.routes, config.directory, seen.overrides, about, seen.made, zone)
    first = dict.fromkeys(plain(one.words) for rung in rungs if rung.step == 1 for one in rung.reached)
    if not first:
        return gettext("Nobody is told: no route is for it.")
    return gettext("Who is told: {names}.", names=", ".join(first))


def _names(config: Config, destinations: Iterable[str]) -> str:
    """The people behind destinations, each once; a channel by its own name."""
    names = {contact.destination: person.name for person in config.people for contact in person.contacts}
    return ", ".join(dict.fromkeys(plain(names.get(one, one)) for one in destinations))
