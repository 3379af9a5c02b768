"""What the rules say is wrong now: what fires, what may fire soon, and what holds messages about it back."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from alerting.gates import Hold, Silence, hold
from alerting.inbound import OUTSIDE
from alerting.rules import Episode, Phase, Rule, Severity
from incidents.incident import Incident
from language import N_, translated
from monitor.config.model import Asset, Config
from monitor.outside import turn
from monitor.subjects import subject
from monitor.web.guard import APP
from monitor.web.pages import fragment, page, world
from monitor.web.ruling import WORDS
from monitor.web.views import World

SHOWN = 200
"""How many the page lists; of more it says how many there are."""

SEVERITIES = {Severity.INFO: N_("only shown"), Severity.WARNING: N_("warning"), Severity.CRITICAL: N_("critical")}

_ORDER = (Phase.FIRING, Phase.RECOVERING, Phase.PENDING)


class Alert(NamedTuple):
    """A rule that has an episode open. `held` is what holds messages about it back, `incident` where it is on record.

    An alert of another program has no page of its own: it is `outside`.
    """

    asset: Asset
    rule: Rule
    episode: Episode
    held: Hold | None
    incident: Incident | None

    @property
    def outside(self) -> bool:
        """Whether another program has sent it."""
        return self.episode.check.startswith(OUTSIDE)

    @property
    def word(self) -> str:
        """What the rule does now."""
        return translated(WORDS[self.episode.phase])

    @property
    def tone(self) -> str:
        """The colour and shape of that."""
        if self.episode.phase is not Phase.FIRING:
            return "checking"
        return "down" if self.episode.severity is Severity.CRITICAL else "degraded"

    @property
    def severity(self) -> str:
        """How urgent it is, as people read it."""
        return translated(SEVERITIES[self.episode.severity])


async def show(request: web.Request) -> web.Response:
    """GET /alerts: all that fires or may fire soon."""
    return page(request, "alerts.html", **await _values(request))


async def show_fragment(request: web.Request) -> web.Response:
    """GET /fragment/alerts: the part of it that changes."""
    return fragment(request, "alerts_live.html", **await _values(request))


def alerts(seen: World, silences: Collection[Silence]) -> tuple[Alert, ...]:
    """What fires first, then what recovers, then what is pending; of each the most severe first, then the oldest."""
    recorded = {id: one for one in seen.live for id in one.firing}
    found = [
        Alert(asset, rule, episode, _held(seen, silences, asset, kind, rule, episode), recorded.get(episode.id))
        for asset, kind, rule, episode in _open(seen)
    ]
    return tuple(sorted(found, key=_urgency))


def _held(
    seen: World, silences: Collection[Silence], asset: Asset, kind: str, rule: Rule, episode: Episode
) -> Hold | None:
    """What holds messages back on every way; the quiet hours of one route are told where somebody asks why."""
    about = subject(seen.config, asset, kind, rule, episode.severity)
    return hold(about, silences, seen.config.maintenances, None, seen.now, seen.config.site.hours.zone)


def _open(seen: World) -> Iterator[tuple[Asset, str, Rule, Episode]]:
    known = _rules(seen.config)
    for key, state in seen.episodes.items():
        if state.episode is None:
            continue
        if key[0].startswith(OUTSIDE):
            asset, rule, episode, kind = turn(seen.config, state.episode)
            yield asset, kind, rule, episode
        elif key in known:
            yield *known[key], state.episode


def _rules(config: Config) -> Mapping[tuple[str, str], tuple[Asset, str, Rule]]:
    return {
        (check.id, rule.id): (asset, check.kind, rule)
        for asset in config.assets
        for check in asset.checks
        for rule in check.rules
    }


def _urgency(one: Alert) -> tuple[object, ...]:
    episode = one.episode
    return _ORDER.index(episode.phase), -episode.severity.rank, episode.opened, episode.check, episode.rule


async def _values(request: web.Request) -> Mapping[str, Any]:
    app = request.app[APP]
    found = alerts(await world(app), app.silences)
    return {"alerts": found[:SHOWN], "all": len(found)}
