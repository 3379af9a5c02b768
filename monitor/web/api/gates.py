"""What holds messages back: planned work, what a silence would; and why somebody was paged, or was not."""

import asyncio
from datetime import datetime
from typing import Annotated

from pydantic import Field

from alerting import silences
from alerting.gates import Stretch
from monitor.subjects import subjects
from monitor.web import gates
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Moment, Shown, Text
from monitor.web.api.paging import Page, Query
from monitor.web.api.problems import Fault, Unfit
from monitor.web.api.silences import wanted
from monitor.web.gates import Work
from monitor.web.why import LONGEST
from monitor.why import explain


class StretchShown(Shown):
    """A piece of time; `ends` is the first instant after it."""

    starts: datetime
    ends: datetime


class WorkShown(Shown):
    """Planned work: what it covers in words, the stretch that is on, the next ones, and how many more come within days.

    With `skip` what it covers is not even measured.
    """

    id: str
    name: Text
    covers: list[Text]
    skip: bool
    on: StretchShown | None
    coming: list[StretchShown]
    more: int


class HeldShown(Shown):
    """What a silence would hold back about one asset: its rules in words, and whether one of them fires now."""

    asset: str
    name: Text
    rules: list[Text]
    fires: bool


class Preview(Shown):
    """What a silence would hold back, by asset; `alerts` is how many of all the alerts that there can be."""

    items: list[HeldShown]
    alerts: int


class WhyAsked(Query):
    """A check, or an episode by its id; and when, now unless said."""

    about: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    at: Moment | None = None


class LineShown(Shown):
    """One thing that happened: when, what it was about (a rule, a route, a destination), and in words."""

    at: datetime
    who: Text
    words: Text


class WhyShown(Shown):
    """Why: in a sentence or a few, and everything that led to it, oldest first."""

    check: str
    summary: Text
    lines: list[LineShown]


async def maintenance(call: Call) -> Reply:
    """GET /maintenance: in the order in which it begins."""
    # In a thread: to look a year ahead takes some milliseconds for each piece of work.
    found = await asyncio.to_thread(gates.works, call.app.config, call.now)
    some, next = paging.part(call.request, found, call.query, lambda one: one.plan.id)
    return Reply(Page[WorkShown](items=[_work(one) for one in some], next=next or None), next=next)


async def preview(call: Call) -> Reply:
    """POST /silences/preview: nothing begins."""
    silence, config = wanted(call), call.app.config
    held = gates.held(silence, config, call.app.episodes)
    items = [HeldShown(asset=one.asset.id, name=one.asset.name, rules=list(one.rules), fires=one.fires) for one in held]
    return Reply(Preview(items=items, alerts=len(silences.preview(silence, subjects(config)))))


async def why(call: Call) -> Reply:
    """GET /why: what was measured, what the rules made of it, and all that was decided."""
    app, asked = call.app, call.query
    try:
        async with app.store.connect() as conn:
            answer = await explain(conn, app.config, asked.about, asked.at or call.now)
    except (LookupError, ValueError) as error:
        raise Unfit(Fault("about", str(error.args[0]))) from None
    lines = [LineShown.model_validate(line) for line in answer.lines]
    return Reply(WhyShown(check=answer.check, summary=answer.summary, lines=lines))


def _work(one: Work) -> WorkShown:
    return WorkShown(
        id=one.plan.id,
        name=one.plan.name,
        covers=list(one.covers),
        skip=one.plan.skip,
        on=_stretch(one.on) if one.on is not None else None,
        coming=[_stretch(stretch) for stretch in one.coming],
        more=one.more,
    )


def _stretch(one: Stretch) -> StretchShown:
    return StretchShown.model_validate(one)
