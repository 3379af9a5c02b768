"""Which of a destination's waiting messages go out next, and which of them together: a storm makes few messages."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from alerting.channels import BEGINNINGS, NoticeKind
from alerting.rules import Severity

WINDOW = timedelta(minutes=5)
"""What the budget counts messages over."""
SPACING = timedelta(seconds=10)
"""How far apart critical messages are once there were as many as the budget within the window."""

_ALONE = (NoticeKind.TEST, NoticeKind.DRILL, NoticeKind.ALARM, NoticeKind.REPORT)
_OVER = (NoticeKind.RESOLVED, NoticeKind.MISSED)


class Waiting(NamedTuple):
    """A message that waits for its destination, without its words.

    `story` names what it is about: its incident, or its episode if it has none. `heard` is about a RESOLVED message:
    True if the destination has had a message about the beginning, False if all of those failed, None if there are none.
    """

    id: int
    story: str
    episode: str
    kind: NoticeKind
    sequence: int
    severity: Severity
    created: datetime
    due: datetime
    attempts: int
    repeated: bool
    heard: bool | None


class Sent(NamedTuple):
    """A message that the destination has had, and whether it was a critical one."""

    at: datetime
    critical: bool


class Story(NamedTuple):
    """What is due about one incident, in order. `says` is the message whose words tell it.

    `began` is the message about the beginning if nobody heard of that: then the words of both are needed.
    """

    rows: tuple[Waiting, ...]
    says: Waiting
    began: Waiting | None = None

    @property
    def is_over(self) -> bool:
        """Whether it tells of an end."""
        return self.says.kind in _OVER


class Plan(NamedTuple):
    """What to do now: send these stories as one message, the worst and oldest first.

    `void` are messages about the end of what nobody heard of. `again` is when something more may be due, None if
    nothing waits for that.
    """

    send: tuple[Story, ...] = ()
    void: tuple[int, ...] = ()
    again: datetime | None = None


class _Group(NamedTuple):
    """Stories that can be one message: of one urgency, and all of them over or none. `alone` keeps one by itself."""

    critical: bool
    is_over: bool
    alone: str


def plan(waiting: Iterable[Waiting], sent: Sequence[Sent], budget: int, now: datetime) -> Plan:
    """What goes to a destination next.

    Messages of one incident are one story. Stories that are due together go out together, critical ones first and then
    by age. `sent` is what went out within the last WINDOW: below critical `budget` messages may, at least one; critical
    ones always may, but from that many on with some distance, so that they gather.
    """
    stories = _stories(waiting)
    void = tuple(row.id for rows in stories for row in _unheard(rows))
    ready = [story for rows in stories if (story := _story(rows, now)) is not None and not _unheard(rows)]
    groups = defaultdict[_Group, list[Story]](list)
    for story in ready:
        groups[_group(story)].append(story)
    opens = {group: _opens(group, sent, max(budget, 1), now) for group in groups}
    free = [group for group, at in opens.items() if at <= now]
    if not free:
        later = [rows[0].due for rows in stories if rows[0].due > now]
        return Plan((), void, min([*later, *opens.values()], default=None))
    chosen = groups[min(free, key=lambda group: (not group.critical, _oldest(groups[group])))]
    return Plan(tuple(sorted(chosen, key=_importance)), void)


def _stories(waiting: Iterable[Waiting]) -> list[list[Waiting]]:
    found = defaultdict[str, list[Waiting]](list)
    for row in waiting:
        found[row.story].append(row)
    return [_in_order(rows) for rows in found.values()]


def _in_order(rows: list[Waiting]) -> list[Waiting]:
    """As they were created, but an end never before the beginning of the same episode."""
    last = {(row.episode, row.sequence): row.id for row in sorted(rows) if row.kind is NoticeKind.FIRING}

    def position(row: Waiting) -> tuple[int, int]:
        if row.kind is not NoticeKind.RESOLVED:
            return row.id, 0
        return max(row.id, last.get((row.episode, row.sequence), 0)), 1

    return sorted(rows, key=position)


def _story(rows: Sequence[Waiting], now: datetime) -> Story | None:
    """What may be told now: up to the first message that is not due, for the later ones must not overtake it."""
    due = tuple(takewhile(lambda row: row.due <= now, rows))
    if not due:
        return None
    ends = [place for place, row in enumerate(due) if row.kind is NoticeKind.RESOLVED]
    news = due[ends[-1] + 1 :] if ends else due  # what came after an end tells how things are now
    if not news:
        began = None if due[-1].heard else next((row for row in due if row.kind in BEGINNINGS), None)
        return Story(due, due[-1], began)
    return Story(due, next((row for row in reversed(news) if row.kind is not NoticeKind.REPEAT), news[-1]))


def _unheard(rows: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """The messages about an end, if nothing else waits and everything about the beginning has failed."""
    pointless = all(row.kind is NoticeKind.RESOLVED and row.heard is False for row in rows)
    return tuple(rows) if pointless else ()


def _group(story: Story) -> _Group:
    alone = story.says.story if story.says.kind in _ALONE else ""
    return _Group(story.says.severity is Severity.CRITICAL, story.is_over, alone)


def _opens(group: _Group, sent: Sequence[Sent], budget: int, now: datetime) -> datetime:
    """When the next message of such stories may go out."""
    if group.alone:
        return now
    times = sorted(one.at for one in sent if one.critical is group.critical and one.at > now - WINDOW)
    if len(times) < budget:
        return now
    return times[-1] + SPACING if group.critical else times[-budget] + WINDOW


def _oldest(stories: Iterable[Story]) -> datetime:
    return min(story.rows[0].created for story in stories)


def _importance(story: Story) -> tuple[int, datetime, int]:
    return -story.says.severity.rank, story.rows[0].created, story.says.id
