"""What the outbox knows of the newest pager drill."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from alerting.channels import NoticeKind
from monitor.store.tables import messages


class Drilled(NamedTuple):
    """A drill that was begun: its episode, when, where its messages went, and whether an alarm about it was queued."""

    episode: str
    at: datetime
    destinations: frozenset[str]
    is_alarmed: bool


async def newest(conn: AsyncConnection) -> Drilled | None:
    """The newest drill, None if there was none."""
    drills = messages.c.kind == NoticeKind.DRILL
    episode = await conn.scalar(select(messages.c.episode).where(drills).order_by(messages.c.id.desc()).limit(1))
    if episode is None:
        return None
    of_it = select(messages.c.destination, messages.c.created).where(drills, messages.c.episode == episode)
    sent = (await conn.execute(of_it)).all()
    alarm = exists().where(messages.c.episode == episode, messages.c.kind == NoticeKind.ALARM)
    return Drilled(
        episode,
        min(row.created for row in sent),
        frozenset(row.destination for row in sent),
        bool(await conn.scalar(select(alarm))),
    )
