"""How other sites are: each has a Deskwatch of its own, which is asked for its board again and again."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Literal, NamedTuple

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, DummyCookieJar
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from monitor.config.model import Config, OtherSite
from monitor.web.words import Text

log = logging.getLogger(__name__)

EVERY = 15.0
"""Seconds between two times that a site is asked."""
LOOK = 1.0
"""Seconds between two looks whether a reload has named others."""
ANSWER = 10.0
"""Seconds that it has to answer."""
LARGEST = 512 * 1024
"""Bytes of an answer."""
OLD = timedelta(seconds=4 * EVERY)
"""How long what a site said last is shown while it cannot be asked."""
PATH = "/api/v1/board"
MOST_THINGS = 100

Number = Annotated[int, Field(ge=0, le=10**9)]
Tone = Literal["down", "degraded", "checking", "unknown", "working"]


class Thing(BaseModel):
    """Something at a site that needs somebody, or that `held_by` has in hand."""

    model_config = ConfigDict(frozen=True)

    title: Text
    verdict: Tone
    since: AwareDatetime
    affects: Text
    remedy: Text
    people: Number
    asset: Text
    incident: Text | None
    held_by: Text


class SiteBoard(BaseModel):
    """The board of a site in numbers, and what needs somebody there, the worst first: `more` are not listed.

    `assets` are so many in all; those that are neither `working`, `checking` nor `unknown` do not work as they should.
    `begun` says whether anything was measured yet, `ready` whether its Deskwatch does its own work.
    """

    model_config = ConfigDict(frozen=True)

    site: Text
    name: Text
    is_open: bool
    ready: bool
    assets: Number
    working: Number
    checking: Number
    unknown: Number
    begun: bool
    waiting: Number
    in_hand: Number
    tone: Tone
    headline: Text
    things: Annotated[tuple[Thing, ...], Field(max_length=MOST_THINGS)]
    more: Number
    at: AwareDatetime


class Trouble(StrEnum):
    """Why a site cannot be asked, which says nothing of the site."""

    NO_CONNECTION = "no_connection"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    STRANGE = "strange"


class Heard(NamedTuple):
    """What another site's Deskwatch said last and when, None for nothing; `trouble` while it cannot be asked."""

    board: SiteBoard | None = None
    at: datetime | None = None
    trouble: Trouble | None = None

    def known(self, now: datetime) -> SiteBoard | None:
        """How the site is, None if that is not known: what it said once is no news for ever."""
        return self.board if self.at is not None and now - self.at <= OLD else None


class Sites:
    """Asks the other sites of the configuration; `changed` is called when one of them is not as it was."""

    def __init__(self, config: Callable[[], Config], changed: Callable[[], None]) -> None:
        self._config = config
        self._changed = changed
        self._heard: Mapping[str, Heard] = {}

    @property
    def heard(self) -> Mapping[str, Heard]:
        """What each of them said last, by its id; one that was not asked yet is missing."""
        return MappingProxyType(self._heard)

    async def run(self) -> None:
        """Ask all of them at once, every so often and after a reload that names others, until cancelled."""
        clock = asyncio.get_running_loop().time
        async with ClientSession(cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=ANSWER)) as session:
            asked, due = None, clock()
            while True:
                others = self._config().other_sites
                if others != asked or clock() >= due:
                    asked, due = others, clock() + EVERY
                    await self.ask(session)
                await asyncio.sleep(LOOK)

    async def ask(self, session: ClientSession) -> None:
        """Ask each of them once."""
        others = self._config().other_sites
        answers = await asyncio.gather(*(_asked(session, one) for one in others))
        now, before = datetime.now(UTC), self._heard
        heard = {}
        for one, answer in zip(others, answers, strict=True):
            last = before.get(one.id, Heard())
            if isinstance(answer, Trouble):
                heard[one.id] = last._replace(trouble=answer)
            else:
                heard[one.id] = Heard(answer, now)
            if heard[one.id].trouble is not last.trouble:
                log.info("another site is asked", extra={"site": one.id, "trouble": heard[one.id].trouble or "none"})
        self._heard = heard
        if _gist(heard) != _gist(before):
            self._changed()


async def _asked(session: ClientSession, one: OtherSite) -> SiteBoard | Trouble:
    """Its board, or why there is none."""
    headers = {"Authorization": f"Bearer {one.token.get_secret_value()}", "Accept": "application/json"}
    try:
        # A redirect could lead the token to anybody.
        async with session.get(one.url + PATH, headers=headers, allow_redirects=False) as answer:
            if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                return Trouble.REFUSED
            body = await answer.content.read(LARGEST) if answer.status == HTTPStatus.OK else b""
            while answer.status == HTTPStatus.OK and not answer.content.at_eof() and len(body) < LARGEST:
                body += await answer.content.read(LARGEST - len(body))
        return SiteBoard.model_validate_json(body)
    except TimeoutError:
        return Trouble.NO_ANSWER
    except ClientConnectorError:
        return Trouble.NO_CONNECTION
    except (ClientError, ValidationError, ValueError):
        return Trouble.STRANGE


def _gist(heard: Mapping[str, Heard]) -> dict[str, tuple[object, ...]]:
    """What people would see of it, but for the time."""
    return {id: (one.board and one.board.model_copy(update={"at": None}), one.trouble) for id, one in heard.items()}
