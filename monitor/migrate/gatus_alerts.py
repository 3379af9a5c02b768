"""Whom Gatus tells, as routes and rules; when it does not, as maintenance; and what calls it, as heartbeats."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from monitor.config.document import printable
from monitor.config.values import DAYS, format_duration
from monitor.migrate.draft import Draft, Unportable
from monitor.migrate.providers import route
from monitor.migrate.settings import Settings

_FAILURES = 3
_SUCCESSES = 2
_MOST_TIMES = 100
_LEAST_PERIOD = 10.0
_LONGEST_WORDS = 200
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class Told(NamedTuple):
    """The changes to the rules of an endpoint, and the providers that are told of it."""

    rules: dict[str, Any]
    providers: tuple[str, ...]


class Alerts:
    """The alerts of all endpoints: what is usual for each provider, and which assets each is told of."""

    def __init__(self, draft: Draft, providers: Settings) -> None:
        self._draft = draft
        self._providers = providers
        self._assets: dict[str, list[str]] = {}

    def of(self, what: str, given: Settings, interval: float) -> Told:
        """What the alerts of one endpoint come to; `interval` in seconds. Raises Unportable."""
        alerts = [(alert.text("type"), self._usual(alert)) for alert in given.entries("alerts")]
        alerts = [(provider, alert) for provider, alert in alerts if alert.flag("enabled", True)]
        if not alerts:
            return Told({}, ())
        failures = sorted(alert.whole("failure-threshold", _FAILURES) for _, alert in alerts)
        successes = sorted(alert.whole("success-threshold", _SUCCESSES) for _, alert in alerts)
        if failures[0] != failures[-1] or successes[0] != successes[-1]:
            self._draft.changed(what, f"all are told after {failures[0]} failures, the fewest of its alerts")
        for provider, alert in alerts:
            self._note(what, provider, alert)
        description = next((text for _, alert in alerts if (text := alert.text("description"))), "")
        rule = _rule(failures[0], successes[0], interval, description)
        return Told({"down": rule}, tuple(dict.fromkeys(provider for provider, _ in alerts)))

    def tell(self, asset: str, told: Told) -> None:
        """Note that providers are told of an asset."""
        for provider in told.providers:
            self._assets.setdefault(provider, []).append(asset)

    def routes(self) -> None:
        """Add a route for each provider that is told of anything."""
        for provider, assets in self._assets.items():
            what = f"alerting.{printable(provider)}"
            route(self._draft, provider, provider, what, assets, repeat="never")
            if isinstance(settings := self._providers.raw(provider), dict) and settings.get("overrides"):
                self._draft.left(what, "`overrides`: add a route with other `assets` for each group")
        for provider in self._providers.rest:
            self._draft.left(f"alerting.{provider}", "no endpoint that was carried over uses it")

    def _usual(self, alert: Settings) -> Settings:
        """An alert with what is usual for its provider."""
        provider = Settings(self._providers.given).inner(alert.text("type"))
        return Settings({**provider.inner("default-alert").given, **alert.given})

    def _note(self, what: str, provider: str, alert: Settings) -> None:
        if provider not in self._providers.given:
            self._draft.left(what, f"its alert {printable(provider)} has no settings under `alerting`")
        if not alert.flag("send-on-resolved"):
            self._draft.changed(what, "whoever was told of a failure is told that it is over")
        if alert.raw("minimum-reminder-interval"):
            self._draft.left(what, "`minimum-reminder-interval`: say `repeat` in the route")
        if alert.raw("provider-override"):
            self._draft.left(what, "`provider-override`: add a route for it")


def _rule(failures: int, successes: int, interval: float, description: str) -> dict[str, Any]:
    """The change to the rule `down`. The first good reading ends it here, unless it must hold."""
    times = max(1, min(failures, _MOST_TIMES))
    found: dict[str, Any] = {"times": times, "window": times}
    if successes > 1:
        found["keep_firing_for"] = format_duration(min((successes - 1) * interval, 30 * 86_400))
    words = " ".join(description.split())[:_LONGEST_WORDS]
    return found | ({"says": f"is down: {words}"} if words else {})


def heartbeat(draft: Draft, what: str, given: Settings) -> dict[str, Any]:
    """The check of an external endpoint. Raises Unportable."""
    period = given.inner("heartbeat").seconds("interval")
    given.raw("token")
    if not period:
        raise Unportable("it has no `heartbeat.interval`; a heartbeat has a period here")
    draft.changed(what, "the job must call /ping/KEY, or /ping/KEY/fail, instead of Gatus' API")
    key = draft.secret(f"the token of {what}, or a new key of at least 16 characters", what, "key")
    return {"kind": "passive.heartbeat", "key": key, "period": max(period, _LEAST_PERIOD), "grace": 1}


def maintenance(draft: Draft, what: str, given: object, assets: Sequence[str]) -> None:
    """Planned work for a window, if there is one."""
    if not isinstance(given, dict):
        return
    with draft.attempt(what):
        window = Settings(given)
        if not window.flag("enabled", True) or not assets:
            raise Unportable("its maintenance is switched off, or is about nothing that was carried over")
        if not _CLOCK.fullmatch(window.text("start")):
            raise Unportable("its maintenance must start at a time like 23:00")
        every = window.texts("every")
        days = [day.lower()[:3] for day in every] or list(DAYS)
        if not set(days) <= set(DAYS):
            raise Unportable(f"its maintenance is every {printable(', '.join(every))}, which is no day of the week")
        lasts = format_duration(min(max(window.seconds("duration"), 60), 7 * 86_400))
        zone = window.text("timezone", "UTC")
        draft.changed(what, f"its maintenance is on the site's clock; there it was on that of {printable(zone)}")
        value = {"name": f"Maintenance of {what}", "assets": list(assets), "days": days}
        draft.entry("maintenance", what, what, {**value, "at": window.text("start"), "lasts": lasts})
