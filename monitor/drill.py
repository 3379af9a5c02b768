"""The pager drill: once a week everybody gets a message and presses its button; who does not is named to the others."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from alerting.channels import Key, NoticeKind, Notification
from alerting.links import Signer
from alerting.oncall import Person
from alerting.rules import Severity
from incidents.answers import Action
from incidents.messages import plain
from language import gettext, local
from monitor.config.model import Config, Drill
from monitor.store import Store, StoreError, drills, links, outbox
from monitor.store.drills import Drilled

log = logging.getLogger(__name__)

LATE = timedelta(hours=1)
"""How late a drill may still begin; one that was missed by more is left out."""
LIFE = 24 * 3600.0
"""Seconds that a drill's link works at least: short enough that none is left when the next drill comes."""
POLL = 20.0
"""Seconds between two looks."""


class App(Protocol):
    """The running service, as the drill sees it."""

    @property
    def config(self) -> Config: ...

    @property
    def store(self) -> Store: ...

    @property
    def signer(self) -> Signer:
        """Makes the links of messages."""
        ...


class Due(NamedTuple):
    """A drill whose time has come, named by its day; or went by, if it is `missed`."""

    day: date
    missed: bool

    @property
    def episode(self) -> str:
        """What its messages are keyed by."""
        return f"drill/{self.day.isoformat()}"


def due(drill: Drill, zone: ZoneInfo, last: date | None, now: datetime) -> Due | None:
    """The drill to begin or to leave out now, None if that of this week was begun or is to come.

    `last` is the day of the newest one. Before there was any, none can be missed.
    """
    today = now.astimezone(zone).date()
    day = today - timedelta(days=(today.weekday() - drill.weekday) % 7)
    planned = datetime.combine(day, drill.at, zone).astimezone(UTC)
    if now < planned or (last is not None and last >= day):
        return None
    missed = now - planned > LATE
    return None if missed and last is None else Due(day, missed)


def silent(people: Iterable[Person], asked: Collection[str], confirmed: Collection[str]) -> tuple[Person, ...]:
    """Those who were asked at one or more of their contacts and confirmed at none."""
    return tuple(one for one in people if _contacts(one) & {*asked} and not _contacts(one) & {*confirmed})


class Drills:
    """Begins each drill at its time and looks who confirmed; what it knows is in the store, a restart loses nothing."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._left_out: date | None = None
        self._complained = False

    async def run(self) -> None:
        """Hold the drills of the configuration until cancelled."""
        while True:
            try:
                await self.turn(datetime.now(UTC))
            except StoreError:
                log.exception("cannot look after the pager drill, will try again")
            await asyncio.sleep(POLL)

    async def turn(self, now: datetime) -> None:
        """Do what is due now. Raises StoreError."""
        config = self._app.config
        if config.drill is None or not self._is_possible(config):
            return
        async with self._app.store.connect() as conn:
            newest = await drills.newest(conn)
        last = date.fromisoformat(newest.episode.removeprefix("drill/")) if newest is not None else None
        found = due(config.drill, config.site.hours.zone, last, now)
        if found is not None and found.missed:
            self._leave_out(found.day)
        elif found is not None:
            await self._begin(config, config.drill, found.episode, now)
        if newest is not None and not newest.is_alarmed and now >= newest.at + _within(config.drill):
            await self._judge(config, newest, now)

    def _is_possible(self, config: Config) -> bool:
        possible = bool(config.people and config.server.url)
        if not possible and not self._complained:
            log.error("no pager drill is held: it needs `people`, and `server.url` for the links that they get")
        self._complained = not possible
        return possible

    def _leave_out(self, day: date) -> None:
        if day != self._left_out:
            log.warning("a pager drill is left out: Deskwatch did not run at its time", extra={"day": str(day)})
            self._left_out = day

    async def _begin(self, config: Config, drill: Drill, episode: str, now: datetime) -> None:
        signer = replace(self._app.signer, life=max(drill.within, LIFE))
        asked = [contact.destination for person in config.people for contact in person.contacts]
        async with self._app.store.begin() as conn:
            for destination in asked:
                key = Key(episode, destination, NoticeKind.DRILL, 0)
                link = signer.drill(episode, destination, now)
                await outbox.enqueue(conn, _question(config, drill, key, link, now), "", now)
        log.info("a pager drill has begun", extra={"episode": episode, "destinations": len(asked)})

    async def _judge(self, config: Config, drilled: Drilled, now: datetime) -> None:
        """Tell everybody else who did not confirm in time."""
        async with self._app.store.connect() as conn:
            confirmed = await links.answered(conn, Action.CONFIRM, drilled.at)
        missing = silent(config.people, drilled.destinations, confirmed)
        if not missing:
            return
        theirs = {destination for person in missing for destination in _contacts(person)}
        others = config.destinations.keys() - theirs
        async with self._app.store.begin() as conn:
            for notification in _alarms(config, drilled, missing, others or config.destinations):
                await outbox.enqueue(conn, notification, "", now)


def _question(config: Config, drill: Drill, key: Key, link: str, now: datetime) -> Notification:
    until = local(now + _within(drill), config.site.hours.zone)
    lines = (
        gettext("This is a drill: nothing is broken."),
        gettext("To show that messages reach you, press the button behind this link by {until}:", until=until),
        link,
    )
    title = gettext("Drill: please confirm ({site})", site=plain(config.site.name))
    # As urgent as the real thing: a drill that does not ring proves nothing.
    return Notification(key, Severity.CRITICAL, title, "\n".join(lines))


def _alarms(config: Config, drilled: Drilled, missing: Iterable[Person], to: Iterable[str]) -> Iterator[Notification]:
    names = ", ".join(plain(person.name) for person in missing)
    title = gettext("Drill: not confirmed by {names} ({site})", names=names, site=plain(config.site.name))
    when = local(drilled.at, config.site.hours.zone)
    lines = (
        gettext("They were sent a drill {when} and did not confirm in time: {names}.", when=when, names=names),
        gettext("Who does not answer a drill may not hear of a real fault either."),
        gettext(
            "What to do: ask whether the message arrived, and correct the contact if it did not. "
            "{command} tries every destination.",
            command="`deskwatch notify-test`",
        ),
    )
    for destination in to:
        key = Key(drilled.episode, destination, NoticeKind.ALARM, 0)
        yield Notification(key, Severity.CRITICAL, title, "\n".join(lines))


def _contacts(person: Person) -> set[str]:
    return {contact.destination for contact in person.contacts}


def _within(drill: Drill) -> timedelta:
    return timedelta(seconds=drill.within)
