"""What the status page says: how the chosen assets are, were and will be, in words for members.

Only names that were chosen for the page leave this module, and times. An asset counts as failing when its checks
measured that and a rule has confirmed it, or when somebody has reported it; a warning about something that works is
not told.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from alerting.gates import Maintenance
from alerting.rules import Episode, Phase, Rule, Severity, State
from incidents.availability import Availability, Span, weighted
from incidents.incident import Incident, Origin
from incidents.windows import planned
from language import gettext, month, weekday
from monitor.config.model import Asset, Check, Config, PublicAsset, StatusPage
from monitor.reports.availability import measured, share
from monitor.reports.standings import deciding
from monitor.web import past_days
from monitor.web.past_days import Day, Subject, until
from monitor.web.status_words import Public as Public
from monitor.web.status_words import failed, fails, several
from monitor.web.views import is_stale
from monitor.web.words import clock, plain
from probes import Reading, Status

RECENT = timedelta(days=14)
"""How far back outages are listed, and how far ahead planned work."""
MOST_OUTAGES = 100
MOST_WORKS = 20
"""Rows on the page."""

_LEAST = 8
"""Per cent of a day's height that the shortest outage is drawn with."""
_NO_CHARACTERS = dict.fromkeys((0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}")
"""XML cannot hold them."""


@dataclass(frozen=True, slots=True)
class Present:
    """What is known now: the newest readings, what rules remember, and the live incidents."""

    config: Config
    latest: Mapping[str, Reading]
    episodes: Mapping[tuple[str, str], State]
    live: Sequence[Incident]
    now: datetime


class Outage(NamedTuple):
    """When an asset did not work, or not well; `end` is None while it lasts, `id` stays the same."""

    id: str
    asset: str
    name: str
    state: Public
    begin: datetime
    end: datetime | None

    @property
    def words(self) -> str:
        """What happened, in a sentence without times."""
        return fails(self.name, self.state) if self.end is None else failed(self.name, self.state)


@dataclass(frozen=True, slots=True)
class Past:
    """The days of each chosen asset, oldest first, by its id, and the outages that are over, newest first."""

    days: Mapping[str, tuple[Day, ...]]
    outages: tuple[Outage, ...]


class Work(NamedTuple):
    """Work that is planned for some of the assets, which are named."""

    names: tuple[str, ...]
    starts: datetime
    ends: datetime


class Bar(NamedTuple):
    """A day as it is drawn: `up` and `down` are per cent of its height, the rest is not known."""

    up: int
    down: int
    words: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One asset of the page; `since` is set while it fails."""

    public: PublicAsset
    state: Public
    since: datetime | None
    says: str
    days: tuple[Day, ...]

    @property
    def whole(self) -> Availability:
        """All of its days together."""
        return weighted((day.found, 1) for day in self.days)

    @property
    def share(self) -> str:
        """How much of the time it worked, as people read it."""
        return share(self.whole)

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Its days as they are drawn."""
        return tuple(_bar(day) for day in self.days)


@dataclass(frozen=True, slots=True)
class View:
    """The whole page."""

    title: str
    contact: str
    state: Public
    headline: str
    assets: tuple[Shown, ...]
    works: tuple[Work, ...]
    outages: tuple[Outage, ...]
    site: str
    zone: ZoneInfo
    now: datetime


def subjects(page: StatusPage, config: Config) -> dict[str, Subject]:
    """What the days of each chosen asset are about, by its id."""
    zone = config.site.hours.zone
    assets = [asset for one in page.assets if (asset := config.asset(one.id)) is not None]
    return {
        asset.id: Subject(_deciding(asset), zone, page.days, tuple(_works(asset, config.maintenances)))
        for asset in assets
    }


def since(page: StatusPage, found: Iterable[Incident], asset: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Back to when it counts how an asset was in the incidents of RECENT; None if it was in none."""
    opened = min((one.opened for one in found if asset in _hit(one)), default=None)
    longest = min(until(now, zone, page.days).edges[0], now - RECENT)
    return max(opened, longest) if opened is not None else None


def past(page: StatusPage, site: str, read: Mapping[str, past_days.Past], found: Iterable[Incident]) -> Past:
    """What has been: what was `read` of each asset since `since` or earlier, by its id; `found` the incidents."""
    names = {one.id: said(one.name) for one in page.assets if one.id in read}
    outages = [made for one in found for made in _outages(one, names, read, site)]
    newest = sorted(outages, key=attrgetter("begin"), reverse=True)[:MOST_OUTAGES]
    return Past({id: one.days for id, one in read.items()}, tuple(newest))


def view(page: StatusPage, present: Present, known: Past) -> View:
    """The page as it is now."""
    assets = tuple(
        _shown(public, asset, present, known.days.get(public.id, ()))
        for public in page.assets
        if (asset := present.config.asset(public.id)) is not None
    )
    state, headline = _headline(assets, present)
    return View(
        title=said(page.title),
        contact=said(page.contact),
        state=state,
        headline=headline,
        assets=assets,
        works=_planned(page, present),
        outages=(*_lasting(assets, present), *known.outages),
        site=present.config.site.id,
        zone=present.config.site.hours.zone,
        now=present.now,
    )


def said(text: str) -> str:
    """Text of the configuration on one line, with nothing in it that HTML or XML cannot show."""
    return " ".join(plain(text).split()).translate(_NO_CHARACTERS)


def _shown(public: PublicAsset, asset: Asset, present: Present, days: tuple[Day, ...]) -> Shown:
    named = PublicAsset(public.id, said(public.name), said(public.words))
    state, since = _state(asset, present)
    zone, now = present.config.site.hours.zone, present.now
    ends = [on.ends for one in _works(asset, present.config.maintenances) if (on := one.during(now)) is not None]
    if ends and state is not Public.WORKING:
        words = gettext("Planned work on {name} until {when}.", name=named.name, when=clock(max(ends), now, zone))
        return Shown(named, Public.PLANNED, None, words, days)
    if state is Public.UNKNOWN:
        words = gettext("We cannot tell right now whether {name} works.", name=named.name)
        return Shown(named, state, None, words, days)
    if not state.fails:
        return Shown(named, state, None, "", days)
    at = clock(since, now, zone) if since is not None else ""
    return Shown(named, state, since, fails(named.name, state, at), days)


def _state(asset: Asset, present: Present) -> tuple[Public, datetime | None]:
    """The worst of what its checks and people say, and since when."""
    found = [_of_check(check, present) for check in deciding(asset)]
    found += [
        (Public.DOWN if one.severity is Severity.CRITICAL else Public.DEGRADED, one.opened)
        for one in present.live
        if one.asset == asset.id and one.origin is Origin.REPORTED and one.severity.pages
    ]
    worst = min((state for state, _ in found), key=attrgetter("rank"), default=Public.UNKNOWN)
    return worst, min((since for state, since in found if state is worst and since is not None), default=None)


def _of_check(check: Check, present: Present) -> tuple[Public, datetime | None]:
    """What fires decides, held against the newest reading; that we are blind says nothing of the asset.

    The severity does not: what fails at night is only a warning, and does not work all the same.
    """
    firing = _firing(check, present.episodes)
    reading = present.latest.get(check.id)
    blind = reading is None or reading.status is Status.UNKNOWN or is_stale(check, reading, present.now)
    works = not blind and reading is not None and reading.status is Status.UP
    failed = [one.opened for rule, one in firing if rule.status is Status.DOWN]
    if failed and not works:
        return Public.DOWN, min(failed)
    critical = [one.opened for _, one in firing if one.severity is Severity.CRITICAL]
    if critical:
        return Public.DEGRADED, min(critical)
    return Public.UNKNOWN if blind else Public.WORKING, None


def _firing(check: Check, episodes: Mapping[tuple[str, str], State]) -> list[tuple[Rule, Episode]]:
    """The rules about its target that fire and tell somebody."""
    states = ((rule, episodes.get((check.id, rule.id))) for rule in check.rules if rule.status is not Status.UNKNOWN)
    found = ((rule, state.episode) for rule, state in states if state is not None and state.episode is not None)
    return [one for one in found if one[1].phase in (Phase.FIRING, Phase.RECOVERING) and one[1].severity.pages]


def _headline(assets: Sequence[Shown], present: Present) -> tuple[Public, str]:
    state = min((one.state for one in assets), key=attrgetter("rank"), default=Public.UNKNOWN)
    if state is Public.WORKING:
        return state, gettext("Everything works")
    alike = [one for one in assets if one.state is state or (one.state.fails and state.fails)]
    if len(alike) == 1:
        return state, alike[0].says
    worse = Public.DOWN if all(one.state is Public.DOWN for one in alike) else Public.DEGRADED
    return state, several(len(alike), worse if state.fails else state)


def _lasting(assets: Iterable[Shown], present: Present) -> Iterator[Outage]:
    """The outages that last, of those that are on record."""
    live = {one.asset: one for one in present.live if one.merged_into is None}
    for one in assets:
        incident = live.get(one.public.id)
        if incident is not None and one.state.fails:
            id = _id(present.config.site.id, incident.id, one.public.id)
            yield Outage(id, one.public.id, one.public.name, one.state, incident.opened, None)


def _deciding(asset: Asset) -> tuple[str, ...]:
    return tuple(check.id for check in deciding(asset))


def _hit(incident: Incident) -> tuple[str, ...]:
    """The assets that something was wrong with in an incident, if that is over and members may have noticed it."""
    if incident.resolved is None or incident.merged_into is not None or not incident.severity.pages:
        return ()
    return tuple(dict.fromkeys((incident.asset, *(incident.cost.assets if incident.cost is not None else ()))))


def _outages(
    incident: Incident, names: Mapping[str, str], read: Mapping[str, past_days.Past], site: str
) -> Iterator[Outage]:
    """What an incident that is over was for each of the assets; one that is not the cause only if it failed itself."""
    begin, end = incident.opened, incident.resolved or incident.opened
    for asset in (id for id in _hit(incident) if id in names):
        failed = _failed(read[asset].spans, begin, end)
        state = _was(incident, bool(failed))
        if asset == incident.asset:
            first, last = begin, end
        elif failed:
            first, last = max(begin, failed[0].start), min(end, failed[-1].end)
        else:
            continue
        if state is not None:
            yield Outage(_id(site, incident.id, asset), asset, names[asset], state, first, last)


def _failed(spans: Sequence[Span], begin: datetime, end: datetime) -> list[Span]:
    """When something was down, of the spans in order that reach into some time."""
    first = bisect_right(spans, begin, key=attrgetter("end"))
    last = bisect_left(spans, end, key=attrgetter("start"))
    return [one for one in spans[first:last] if one.status is Status.DOWN]


def _was(incident: Incident, failed: bool) -> Public | None:
    """How bad it was for members, None if they noticed nothing."""
    is_critical, is_reported = incident.severity is Severity.CRITICAL, incident.origin is Origin.REPORTED
    if failed or (is_critical and is_reported):
        return Public.DOWN
    return Public.DEGRADED if is_critical or is_reported else None


def _planned(page: StatusPage, present: Present) -> tuple[Work, ...]:
    """The planned work that is on or begins soon; its own name may be an internal one and is not told."""
    now, until, config = present.now, present.now + RECENT, present.config
    found: list[Work] = []
    for one in config.maintenances:
        names = tuple(
            said(public.name)
            for public in page.assets
            if (asset := config.asset(public.id)) is not None and _works(asset, (one,))
        )
        if names:
            found += (Work(names, *stretch) for stretch in planned((one,), now, until) if stretch.starts < until)
    return tuple(sorted(found, key=attrgetter("starts", "ends"))[:MOST_WORKS])


def _works(asset: Asset, maintenances: Iterable[Maintenance]) -> list[Maintenance]:
    return [one for one in maintenances if one.scope.has(asset.id, asset.section, asset.tags)]


def _bar(day: Day) -> Bar:
    found = day.found
    down = max(_LEAST, round(100 * (found.down / found.total))) if found.down else 0
    up = min(100 - down, round(100 * (found.up / found.total))) if found.up else 0
    said = [share(found)]
    if found.known and found.unknown * 20 > found.total:
        said.append(measured(found))
    return Bar(up, down, f"{_date(day.date)}: {', '.join(said)}")


def _date(day: date) -> str:
    midnight = datetime.combine(day, time.min)
    return gettext("{weekday} {day} {month}", weekday=weekday(midnight), day=day.day, month=month(midnight))


def _id(site: str, incident: str, asset: str) -> str:
    """A name for an outage that stays the same, and says nothing."""
    return uuid5(NAMESPACE_URL, f"deskwatch:{site}:{incident}:{asset}").urn
