"""Alerts: the rules that are true now."""

from datetime import datetime

from alerting.rules import Lack, Phase, Severity
from monitor.web import pages
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Shown, Text
from monitor.web.api.paging import Page, part
from monitor.web.firing import Alert, alerts


class AlertShown(Shown):
    """A rule that is true, with the episode that it has open; `lack` says why nothing newer is known of it.

    `held` tells what holds messages back, "" if nothing does; `incident` is the one that it belongs to. An `asset` that
    is not watched here comes from another program's alert.
    """

    id: str
    asset: Text
    check: Text
    rule: Text
    says: Text
    severity: Severity
    phase: Phase
    opened: datetime
    fired: datetime | None
    due: datetime | None
    detail: Text
    lack: Lack
    held: Text
    incident: str | None


async def listed(call: Call) -> Reply:
    """GET /alerts: what fires first."""
    all = alerts(await pages.world(call.app), call.app.silences)
    found, next = part(call.request, [_shown(one) for one in all], call.query, lambda one: one.id)
    return Reply(Page[AlertShown](items=found, next=next or None), next=next)


def _shown(one: Alert) -> AlertShown:
    episode = one.episode
    return AlertShown(
        id=episode.id,
        asset=one.asset.id,
        check=episode.check,
        rule=episode.rule,
        says=one.rule.says,
        severity=episode.severity,
        phase=episode.phase,
        opened=episode.opened,
        fired=episode.fired,
        due=episode.deadline,
        detail=episode.detail,
        lack=episode.lack,
        held=one.held.words if one.held is not None else "",
        incident=one.incident.id if one.incident is not None else None,
    )
