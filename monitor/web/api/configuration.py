"""The configuration: as it is in use, what became of the newest reload, and what one would change now."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator

from monitor.escaping import legible
from monitor.web import configuration
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Shown, Text
from monitor.web.api.problems import Fault, Unfit
from monitor.web.configuration import MOST, READING, Pending, pending


class Changes(Shown):
    """The names of what a reload would add, take away and change, of one sort of thing; at most 200 of each."""

    sort: str
    added: list[Text]
    removed: list[Text]
    changed: list[Text]


class PendingShown(Shown):
    """What a reload would do now, or the `problems` for which it would be refused.

    `restart` names what it cannot take: that needs a restart of Deskwatch.
    """

    changes: list[Changes]
    problems: list[Text]
    restart: list[str]


class ConfigurationShown(Shown):
    """The configuration by section, secrets masked; `source` is its file, and `loaded` when that was read last.

    `problems` are why the newest reload was refused, none if it was not.
    """

    source: Text | None
    loaded: datetime
    problems: list[Text]
    pending: PendingShown
    sections: Annotated[dict[str, Any], AfterValidator(legible)]


async def show(call: Call) -> Reply:
    """GET /configuration."""
    return Reply(await _shown(call))


async def reload(call: Call) -> Reply:
    """POST /configuration/reload: load the file; a bad one changes nothing and its problems are the answer."""
    outcome = await call.app.reload()
    if not outcome.ok:
        raise Unfit(*(Fault("configuration", one) for one in outcome.problems[:MOST] or ("it cannot be read",)))
    return Reply(await _shown(call))


async def _shown(call: Call) -> ConfigurationShown:
    app = call.app
    async with call.request.app[READING]:
        found = await asyncio.to_thread(pending, app.config)
        sections = await asyncio.to_thread(configuration.parts, app.config)
    return ConfigurationShown(
        source=app.config.source,
        loaded=app.reloads.at,
        problems=list(app.reloads.problems),
        pending=_pending(found),
        sections=sections,
    )


def _pending(found: Pending) -> PendingShown:
    changes = [
        Changes(
            sort=sort,
            added=list(one.added[:MOST]),
            removed=list(one.removed[:MOST]),
            changed=list(one.changed[:MOST]),
        )
        for sort, one in found.changes.items()
    ]
    return PendingShown(changes=changes, problems=list(found.problems), restart=list(found.restart))
