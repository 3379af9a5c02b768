"""Planned work: what it covers, and when it is."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from alerting.gates import Stretch
from monitor.web import maintenance
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Day, Shown, Text
from monitor.web.api.paging import Page, Paged
from monitor.web.maintenance import Time, Work

MOST_DAYS = 100
"""Of a calendar."""


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


class TimeShown(Shown):
    """One time of planned work; `ends` is the first instant after it. The site is open for `open_seconds` of it."""

    id: str
    name: Text
    starts: datetime
    ends: datetime
    open_seconds: float


class CalendarAsked(Paged):
    """Which days of the site's calendar."""

    first: Annotated[Day | None, Field(description="The first day; today unless said.")] = None
    days: Annotated[int, Field(ge=1, le=MOST_DAYS, description="How many days.")] = 7 * maintenance.WEEKS


async def listed(call: Call) -> Reply:
    """GET /maintenance: in the order in which it begins."""
    # In a thread: to look a year ahead takes some milliseconds for each piece of work.
    found = await asyncio.to_thread(maintenance.works, call.app.config, call.now)
    some, next = paging.part(call.request, found, call.query, lambda one: one.plan.id)
    return Reply(Page[WorkShown](items=[_work(one) for one in some], next=next or None), next=next)


async def calendar(call: Call) -> Reply:
    """GET /maintenance/calendar: every time that reaches into these days, in the order in which they begin."""
    config, asked = call.app.config, call.query
    first = asked.first or call.now.astimezone(config.site.hours.zone).date()
    edges = (maintenance.midnight(config, day) for day in (first, first + timedelta(days=asked.days)))
    found = await asyncio.to_thread(maintenance.times, config, *edges)
    some, next = paging.part(call.request, found, asked, lambda one: f"{one.plan.id} {one.starts.isoformat()}")
    return Reply(Page[TimeShown](items=[_time(one) for one in some], next=next or None), next=next)


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


def _time(one: Time) -> TimeShown:
    open_seconds = one.open.total_seconds()
    return TimeShown(id=one.plan.id, name=one.plan.name, starts=one.starts, ends=one.ends, open_seconds=open_seconds)
