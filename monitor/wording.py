"""A message that is due about an incident, in words: as it is now, for the destination that it goes to."""

from collections.abc import Callable, Mapping
from datetime import datetime

from alerting.channels import Key, NoticeKind, Notification
from alerting.links import Signer
from incidents import messages
from incidents.incident import Incident
from incidents.messages import Facts, Text
from monitor.config.model import Config

_WORDS: Mapping[NoticeKind, Callable[[Incident, Facts, datetime], Text]] = {
    NoticeKind.FIRING: messages.firing,
    NoticeKind.UPDATE: messages.firing,
    NoticeKind.REPEAT: messages.repeat,
    NoticeKind.RESOLVED: messages.resolved,
    NoticeKind.MISSED: messages.missed,
}


def notification(config: Config, incident: Incident, key: Key, signer: Signer | None, now: datetime) -> Notification:
    """The message of a key; with a signer it has a link by which its reader can answer with one tap."""
    link = ""
    if signer is not None and incident.stage.live:
        link = signer.incident(incident.id, key.episode, key.destination, now)
    title, body = _WORDS[key.kind](incident, facts(config, incident, now, link), now)
    return Notification(key, incident.severity, title, body)


def facts(config: Config, incident: Incident, now: datetime, link: str = "") -> Facts:
    """What messages need to know besides the incident."""
    asset = config.asset(incident.asset)
    hours = config.site.hours
    return Facts(
        asset=asset.name if asset else incident.asset,
        section=asset.section if asset else "",
        people=config.served_by(incident.asset),
        affects=asset.affects if asset else "",
        remedy=asset.remedy if asset else "",
        site=config.site.name,
        zone=hours.zone,
        url=config.server.url,
        opens=None if hours.is_open(now) else hours.opens_after(now),
        link=link,
    )
