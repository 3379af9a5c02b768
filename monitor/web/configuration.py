"""The page of the configuration: as it is in use, what became of the newest reload, and what one would change now."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from aiohttp import web

from language import figures, gettext
from monitor.config import ConfigError, load
from monitor.config.changes import NEEDS_RESTART, Diff, diff
from monitor.config.masked import shown
from monitor.config.model import Config
from monitor.web.guard import APP
from monitor.web.pages import page, sent

LONGEST = 100_000
"""Characters of a section that are shown."""
MOST = 200
"""How many names of one sort of change are shown."""

READING: web.AppKey[asyncio.Lock] = web.AppKey("reading", asyncio.Lock)
"""One after the other: a large file takes a second of a core."""


class Pending(NamedTuple):
    """What a reload would do now: what it changes by sort of thing, or why it would be refused."""

    changes: Mapping[str, Diff]
    problems: tuple[str, ...] = ()

    @property
    def restart(self) -> tuple[str, ...]:
        """What has changed that a reload cannot take."""
        changed = self.changes["settings"] if "settings" in self.changes else Diff((), (), ())
        return tuple(name for name in changed.changed if name in NEEDS_RESTART)


async def show(request: web.Request) -> web.Response:
    """GET /configuration: all of it, secrets masked."""
    return await _page(request)


async def reload(request: web.Request) -> web.Response:
    """POST /configuration/reload: load the file; a bad one changes nothing and its problems are the answer."""
    await sent(request)
    outcome = await request.app[APP].reload()
    if not outcome.ok:
        return await _page(request, 400)
    raise web.HTTPSeeOther("/configuration")


def parts(config: Config) -> dict[str, Any]:
    """The configuration by section, secrets masked; of the checks only the ids, for each has a page."""
    found = shown(config)
    for asset in found["assets"]:
        asset["checks"] = [check["id"] for check in asset["checks"]]
    return {name: part for name, part in found.items() if name != "source" and part}


def sections(config: Config) -> dict[str, str]:
    """The same as YAML."""
    return {name: _cut(part) for name, part in parts(config).items()}


def pending(config: Config) -> Pending:
    """What loading the file of a configuration again would change. Reads files and the environment."""
    if config.source is None:
        return Pending({})
    try:
        return Pending(diff(config, load(Path(config.source))))
    except (ConfigError, ValueError) as error:
        return Pending({}, tuple(str(error).splitlines()))


def _cut(part: object) -> str:
    text = yaml.safe_dump(part, sort_keys=False, allow_unicode=True)
    text = text.removesuffix("...\n")
    if len(text) <= LONGEST:
        return text
    more = gettext("… and {number} characters more", number=figures(f"{len(text) - LONGEST:,}"))
    return f"{text[:LONGEST]}\n{more}"


async def _page(request: web.Request, status: int = 200) -> web.Response:
    app = request.app[APP]
    async with request.app[READING]:
        found = await asyncio.to_thread(pending, app.config)
        written = await asyncio.to_thread(sections, app.config)
    return page(
        request,
        "configuration.html",
        status,
        source=app.config.source,
        reloads=app.reloads,
        pending=found,
        sections=written,
        most=MOST,
    )
