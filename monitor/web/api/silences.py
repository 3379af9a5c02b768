"""Silences: what holds messages back for a while."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from alerting.gates import Silence
from alerting.silences import LONGEST_COMMENT, MOST_MATCHERS
from alerting.silences import preview as covered
from monitor.silencing import typed
from monitor.store import silences as stored
from monitor.subjects import subjects
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Body, Line, Moment, Shown, Text
from monitor.web.api.paging import Page, Paged
from monitor.web.api.problems import Fault, Unfit
from monitor.web.silences import held
from monitor.web.words import short


class SilenceShown(Shown):
    """A silence: its conditions, all of which must hold, and from when until when it lasts."""

    id: str
    conditions: list[Text]
    starts: datetime
    ends: datetime
    author: Text
    comment: Text
    created: datetime


class SilenceWanted(Body):
    """A silence to begin: conditions like `asset=printer`, how long (`1h`, `3d`), from when (now unless said), why."""

    conditions: Annotated[list[Line], Field(min_length=1, max_length=MOST_MATCHERS)]
    lasts: Annotated[str, Field(min_length=2, max_length=20, examples=["1h"])]
    starts: Moment | None = None
    comment: Annotated[Line, Field(max_length=LONGEST_COMMENT)]


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


class SilencesAsked(Paged):
    """Which silences: those that have not ended, or all."""

    ended: Annotated[bool, Field(description="Also those that have ended.")] = False


async def listed(call: Call) -> Reply:
    """GET /silences: those that have not ended, also those to come, and the others if asked; newest first."""
    some, next = paging.page(call.request, await _newest(call), call.query.limit, lambda one: one.id)
    return Reply(Page[SilenceShown](items=[shown(one) for one in some], next=next or None), next=next)


async def _newest(call: Call) -> Sequence[Silence]:
    """What begins with the page, and at least one more than fits on it if there are more."""
    asked = call.query
    if asked.ended:
        async with call.app.store.connect() as conn:
            return await stored.page(conn, asked.limit + 1, asked.after)
    all = sorted(call.app.silences, key=lambda one: one.id, reverse=True)
    return paging.following(all, asked.after, lambda one: one.id)


async def one(call: Call) -> Reply:
    """GET /silences/SILENCE: also one that has ended."""
    return Reply(shown(await _found(call)))


async def begin(call: Call) -> Reply:
    """POST /silences: begin one."""
    made = wanted(call)
    await call.app.silence(made)
    call.note(made.id)
    return Reply(shown(made), f"/silences/{made.id}")


async def preview(call: Call) -> Reply:
    """POST /silences/preview: nothing begins."""
    silence, config = wanted(call), call.app.config
    found = held(silence, config, call.app.episodes)
    items = [
        HeldShown(asset=one.asset.id, name=one.asset.name, rules=list(one.rules), fires=one.fires) for one in found
    ]
    return Reply(Preview(items=items, alerts=len(covered(silence, subjects(config)))))


def wanted(call: Call) -> Silence:
    """The silence that was sent. Raises 422 for one that must not begin."""
    said = call.body
    starts = said.starts.isoformat(timespec="seconds") if said.starts is not None else ""
    try:
        return typed(call.app.config, said.conditions, starts, said.lasts, call.who, said.comment, call.now)
    except ValueError as error:
        raise Unfit(Fault("body", str(error))) from None


async def end(call: Call) -> Reply:
    """POST /silences/SILENCE/end: end it now."""
    found = await _found(call)
    call.require_unchanged(shown(found))
    call.note(found.id)
    if not await call.app.unsilence(found.id, call.who):
        raise web.HTTPConflict(text="This silence has ended already.")
    return Reply(shown(await _found(call)))


def shown(one: Silence) -> SilenceShown:
    """A silence as it is answered."""
    return SilenceShown(
        id=one.id,
        conditions=[str(matcher) for matcher in one.matchers],
        starts=one.starts,
        ends=one.ends,
        author=one.author,
        comment=one.comment,
        created=one.created,
    )


async def _found(call: Call) -> Silence:
    id = call.part("silence")
    async with call.app.store.connect() as conn:
        # PostgreSQL takes no NUL, not even to look for it.
        found = await stored.get(conn, id) if id.isascii() and id.isalnum() else None
    if found is None:
        raise web.HTTPNotFound(text=f"There is no silence {short(id, 60)!r}.")
    return found
