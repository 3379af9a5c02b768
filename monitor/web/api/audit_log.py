"""Who did what, for administrators."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from monitor.store import audit_log as stored
from monitor.store.audit_log import Wanted
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Moment, Shown, Text
from monitor.web.api.paging import Page, Paged
from monitor.web.words import plain


class EntryShown(Shown):
    """Somebody did something; `address` is where from, `target` what it was done to."""

    id: int
    at: datetime
    who: Text
    address: str
    what: str
    target: Text


class EntriesAsked(Paged):
    """Which entries: by whom, what, in which time."""

    who: Annotated[str, Field(max_length=200)] = ""
    what: Annotated[str, Field(max_length=200)] = ""
    since: Annotated[Moment | None, Field(alias="from")] = None
    until: Annotated[Moment | None, Field(alias="to")] = None


async def listed(call: Call) -> Reply:
    """GET /audit-log: newest first."""
    asked = call.query
    wanted = Wanted(plain(asked.who), plain(asked.what), asked.since, asked.until)
    async with call.app.store.connect() as conn:
        found = await stored.page(conn, asked.limit + 1, wanted, paging.number(asked.after))
    some, next = paging.page(call.request, found, asked.limit, lambda one: str(one.id))
    return Reply(Page[EntryShown](items=[EntryShown.model_validate(one) for one in some], next=next or None), next=next)
