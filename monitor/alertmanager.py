"""Tells Prometheus Alertmanagers what fires: each of them by itself, at once and again and again."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, DummyCookieJar

from alerting.alertmanager import alert
from alerting.inbound import OUTSIDE, line
from alerting.rules import Episode, Phase
from incidents import messages
from language import translated
from monitor.config.model import Alertmanager, Config
from monitor.metrics import Vitals
from monitor.response import Turn
from monitor.store import Store, StoreError, episodes
from monitor.subjects import subject

log = logging.getLogger(__name__)

ANSWER = 10.0
"""Seconds that an Alertmanager has to answer."""
GATHER = 0.5
"""Seconds that a turn waits for others, so that what breaks together is told together."""
RETRY = 5.0
"""Seconds until the next attempt when one failed, unless all is sent again sooner."""
IDLE = 5.0
"""Seconds between two looks whether a reload has brought an Alertmanager."""
BATCH = 200
"""Alerts in one request."""
LINGER = timedelta(minutes=5)
"""How long what is over is sent again as over, for those that did not hear it the first time."""
HOLDS = 4
"""How many times it may be missed that something still fires before an Alertmanager takes it for over."""


class App(Protocol):
    """The running service, as it is told to Alertmanagers."""

    @property
    def config(self) -> Config: ...

    @property
    def store(self) -> Store: ...

    @property
    def vitals(self) -> Vitals: ...

    @property
    def firing(self) -> Mapping[str, Turn]:
        """The newest turn of every episode that fires, by its id."""
        ...

    @property
    def version(self) -> int:
        """Grows with every turn."""
        ...

    async def changed(self, version: int) -> int:
        """Wait until the version is beyond this one; the new version."""
        ...


async def push(app: App) -> None:
    """Tell every Alertmanager of the configuration what fires, until cancelled."""
    while True:
        settings = app.config.alertmanager
        if settings is None:
            await asyncio.sleep(IDLE)
            continue
        async with asyncio.TaskGroup() as group:
            for url in settings.urls:
                group.create_task(_Peer(app, settings, url).run())


class _Peer:
    """One Alertmanager, and what it has been told."""

    def __init__(self, app: App, settings: Alertmanager, url: str) -> None:
        self._app = app
        self._settings = settings
        self._url = url
        self._told: dict[str, Turn] = {}
        self._trouble = ""

    async def run(self) -> None:
        """Tell it all that fires, at every turn and again each `resend`, until a reload changes the settings."""
        secret = self._settings.authorization
        headers = {"Authorization": secret.get_secret_value()} if secret is not None else {}
        timeout = ClientTimeout(total=ANSWER)
        async with ClientSession(cookie_jar=DummyCookieJar(), timeout=timeout, headers=headers) as session:
            while self._app.config.alertmanager == self._settings:
                firing = _ours(self._app.firing)
                ok = await self._tell(session, firing)
                await self._occasion(firing, self._settings.resend if ok else min(RETRY, self._settings.resend))

    async def _occasion(self, told: Mapping[str, Turn], seconds: float) -> None:
        """Wait until something else fires than was told or the settings have changed, at most so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                version = self._app.version
                while self._is_as_told(told):
                    version = await self._app.changed(version)
                await asyncio.sleep(GATHER)

    def _is_as_told(self, told: Mapping[str, Turn]) -> bool:
        return _ours(self._app.firing).keys() == told.keys() and self._app.config.alertmanager == self._settings

    async def _tell(self, session: ClientSession, firing: Mapping[str, Turn]) -> bool:
        """Whether it took all that fires, and all that is over since a short while."""
        now = datetime.now(UTC)
        over = await self._over(now)
        self._told = {id: turn for id, turn in {**self._told, **firing}.items() if id in firing or id in over}
        alerts = self._alerts((*over.values(), *firing.values()), now)
        # Without alerts it is asked all the same: that it is gone should be known before something fires.
        for first in range(0, max(len(alerts), 1), BATCH):
            if not await self._post(session, alerts[first : first + BATCH]):
                return False
        return True

    async def _over(self, now: datetime) -> dict[str, Turn]:
        """What has ended lately, as far as its rule is known."""
        since = now - max(LINGER, timedelta(seconds=self._settings.resend))
        try:
            async with self._app.store.connect() as conn:
                closed = await episodes.closed_since(conn, since)
        except StoreError as error:
            log.warning("what is over is not told to Alertmanagers", extra={"error": str(error)})
            return {}
        turns = {one.id: self._turn(one) for one in closed if one.severity.pages}
        return {id: turn for id, turn in turns.items() if turn is not None}

    def _turn(self, episode: Episode) -> Turn | None:
        """The turn with which an episode ended: as we told that it began, or as the process before us did."""
        told = self._told.get(episode.id)
        if told is not None:
            return told._replace(episode=episode)
        for asset in self._app.config.assets:
            for check in asset.checks:
                for rule in check.rules:
                    if (rule.check, rule.id) == (episode.check, episode.rule):
                        return Turn(asset, rule, episode, check.kind)
        return None

    def _alerts(self, turns: Iterable[Turn], now: datetime) -> list[dict[str, Any]]:
        ends = now + timedelta(seconds=HOLDS * self._settings.resend)
        return [_alert(self._app.config, turn, ends) for turn in turns]

    async def _post(self, session: ClientSession, alerts: list[dict[str, Any]]) -> bool:
        trouble = await self._sent(session, alerts)
        outcome = "failed" if trouble else "accepted"
        self._app.vitals.alertmanager_posts.labels(self._url, outcome).inc()
        if not trouble:
            self._app.vitals.alertmanager_success_time.labels(self._url).set(time.time())
        if trouble != self._trouble:
            words = "an Alertmanager cannot be told, will try again" if trouble else "an Alertmanager is told again"
            log.log(logging.WARNING if trouble else logging.INFO, words, extra={"peer": self._url, "trouble": trouble})
        self._trouble = trouble
        return not trouble

    async def _sent(self, session: ClientSession, alerts: list[dict[str, Any]]) -> str:
        """Send alerts; why they were not taken, "" if they were."""
        try:
            # A redirect could lead what signs us in to anybody.
            async with session.post(f"{self._url}/api/v2/alerts", json=alerts, allow_redirects=False) as answer:
                if answer.status == 200:
                    return ""
                words = self._masked((await answer.content.read(2000)).decode(errors="replace"))
                return f"it answered {answer.status}: {line(words, 200)}"
        except TimeoutError:
            return f"no answer within {ANSWER:.0f} s"
        except ClientConnectorError as error:
            return f"no connection: {error.os_error.strerror or type(error.os_error).__name__}"
        except (ClientError, ValueError) as error:
            return f"the request failed: {type(error).__name__}"

    def _masked(self, words: str) -> str:
        """Words of an answer without what signs us in, which something on the way may have said back."""
        secret = self._settings.authorization
        value = secret.get_secret_value() if secret is not None else ""
        for word in filter(None, (value, value.rpartition(" ")[2])):
            words = words.replace(word, "***")
        return words


def _ours(firing: Mapping[str, Turn]) -> dict[str, Turn]:
    """What is told: what pages, but for alerts from outside, whose senders tell their Alertmanagers themselves."""
    return {
        id: turn
        for id, turn in firing.items()
        if turn.episode.severity.pages and not turn.episode.check.startswith(OUTSIDE)
    }


def _alert(config: Config, turn: Turn, ends: datetime) -> dict[str, Any]:
    asset, rule, episode, kind = turn
    if episode.phase is Phase.RESOLVED:
        ends = episode.closed or episode.last_true
    annotations = {
        "summary": messages.title(asset.name, rule),
        "description": messages.says(asset.name, rule, episode),
        "affects": messages.plain(asset.affects),
        "remedy": messages.plain(asset.remedy) or translated(messages.REMEDIES.get(asset.section, "")),
    }
    url = f"{config.server.url}/assets/{asset.id}" if config.server.url else ""
    return alert(subject(config, asset, kind, rule, episode.severity), episode, annotations, url, ends)
