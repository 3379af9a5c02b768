"""The site and what is watched of it, and how that is now."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from aiohttp import web

from monitor.config.model import SECTIONS, Asset
from monitor.sites import Heard, SiteBoard, Trouble
from monitor.web import pages, views
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Shown, Text
from monitor.web.api.paging import Page, Paged, part
from monitor.web.api.problems import Fault, Unfit
from monitor.web.sites import own
from monitor.web.words import short


class SiteShown(Shown):
    """The space itself; `ready` says whether Deskwatch does its work, `problems` why not."""

    id: str
    name: Text
    capacity: int
    zone: str
    is_open: bool
    ready: bool
    problems: list[Text]
    now: datetime


class OneOfSites(Shown):
    """A site: its board, null while that is not known; `trouble` says why its Deskwatch cannot be asked.

    `url` is where its Deskwatch is, "" for this one. `heard` is when it said so.
    """

    id: str
    name: Text
    url: str
    board: SiteBoard | None
    heard: datetime | None
    trouble: Trouble | None


class AssetShown(Shown):
    """Something that is watched, and how it is; `incident` explains its fault, `checks` are the ids of its checks."""

    id: str
    section: str
    name: Text
    people: int
    tags: list[str]
    depends_on: list[list[str]]
    affects: Text
    remedy: Text
    verdict: views.Verdict
    since: datetime | None
    says: Text
    detail: Text
    incident: str | None
    checks: list[str]


class AssetsAsked(Paged):
    """Which assets."""

    section: str = ""


async def site(call: Call) -> Reply:
    """GET /site."""
    one, problems, now = call.app.config.site, await call.app.problems(), call.now
    return Reply(
        SiteShown(
            id=one.id,
            name=one.name,
            capacity=one.capacity,
            zone=one.hours.zone.key,
            is_open=one.hours.is_open(now),
            ready=not problems,
            problems=list(problems),
            now=now,
        )
    )


async def board(call: Call) -> Reply:
    """GET /board."""
    return Reply(await own(call.app, call.request))


async def sites(call: Call) -> Reply:
    """GET /sites: this one first, then the others in the order of the configuration."""
    config, heard = call.app.config, call.app.others
    mine = await own(call.app, call.request)
    all = [OneOfSites(id=config.site.id, name=config.site.name, url="", board=mine, heard=call.now, trouble=None)]
    for one in config.other_sites:
        last = heard.get(one.id, Heard())
        board = last.known(call.now)
        all.append(OneOfSites(id=one.id, name=one.name, url=one.url, board=board, heard=last.at, trouble=last.trouble))
    found, next = part(call.request, all, call.query, lambda one: one.id)
    return Reply(Page[OneOfSites](items=found, next=next or None), next=next)


async def assets(call: Call) -> Reply:
    """GET /assets: in the order of the configuration."""
    section = call.query.section
    if section and section not in SECTIONS:
        raise Unfit(Fault("section", f"must be one of {', '.join(SECTIONS)}"))
    all = [one for one in call.app.config.assets if not section or one.section == section]
    found, next = part(call.request, all, call.query, lambda one: one.id)
    return Reply(Page[AssetShown](items=await _shown(call, found), next=next or None), next=next)


async def asset(call: Call) -> Reply:
    """GET /assets/ASSET."""
    (shown,) = await _shown(call, [asset_of(call)])
    return Reply(shown)


def asset_of(call: Call) -> Asset:
    """The asset of the path. Raises 404."""
    id = call.part("asset")
    found = call.app.config.asset(id)
    if found is None:
        raise web.HTTPNotFound(text=f"Nothing of the name {short(id, 60)!r} is watched.")
    return found


async def _shown(call: Call, chosen: Iterable[Asset]) -> list[AssetShown]:
    some = list(chosen)
    world = await pages.world(call.app)
    # In a thread: hundreds of assets take longer than the probes' timing can bear. Only reads.
    return await asyncio.to_thread(lambda: [_asset(views.asset_view(one, world)) for one in some])


def _asset(seen: views.AssetView) -> AssetShown:
    one = seen.asset
    return AssetShown(
        id=one.id,
        section=one.section,
        name=one.name,
        people=one.people,
        tags=sorted(one.tags),
        depends_on=[list(group) for group in one.depends_on],
        affects=one.affects,
        remedy=one.remedy,
        verdict=seen.verdict,
        since=seen.since,
        says=seen.says,
        detail=seen.finding.detail,
        incident=seen.incident.id if seen.incident is not None else None,
        checks=[check.id for check in one.checks],
    )
