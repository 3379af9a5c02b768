"""The configuration as the application uses it: frozen, complete, every reference resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from alerting.hours import OpeningHours
from alerting.routes import Route
from alerting.rules import Rule
from probes import Params

SECTIONS = ("uplinks", "wifi", "doors", "booking", "rooms", "equipment", "services")
"""The sections that hold assets, in the order in which the board shows them."""


@dataclass(frozen=True, slots=True)
class Site:
    """The space itself. `hours` knows its time zone, opening hours and holidays; `capacity` is in people."""

    id: str
    name: str
    hours: OpeningHours
    capacity: int


@dataclass(frozen=True, slots=True)
class Confirm:
    """How a first failure is looked at again before it counts: `times` more runs, `gap` seconds apart."""

    times: int = 2
    gap: float = 1


@dataclass(frozen=True, slots=True)
class Check:
    """One probe on a schedule. `id` is "<asset>/<name>"; `interval` and `timeout` are seconds."""

    id: str
    asset: str
    name: str
    kind: str
    interval: float
    timeout: float
    confirm: Confirm
    params: Params
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Asset:
    """What a member would name: an uplink, an SSID, a door, the booking system, a room, a printer.

    `people` is how many it serves (the site's capacity unless said). `affects` says in a sentence what members cannot
    do without it, `remedy` what to do when it fails; both may be "".
    """

    id: str
    section: str
    name: str
    people: int
    depends_on: tuple[str, ...]
    affects: str
    remedy: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Server:
    """Where the pages are. `url` is how people reach them ("" if not said); `token` opens /metrics and /probe."""

    host: str = "127.0.0.1"
    port: int = 8470
    url: str = ""
    token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days of spans, of each latency rollup, and of finished incidents and messages are kept."""

    spans: int = 400
    five_minutes: int = 14
    hours: int = 90
    days: int = 800
    incidents: int = 1100


@dataclass(frozen=True, slots=True)
class Storage:
    """Where state is kept: an SQLAlchemy URL, which may hold a password."""

    url: SecretStr
    retention: Retention = Retention()


@dataclass(frozen=True, slots=True)
class Config:
    """One site, ready to be watched. `destinations` holds the Apprise URL of every route by the route's id."""

    site: Site
    assets: tuple[Asset, ...]
    routes: tuple[Route, ...]
    destinations: Mapping[str, SecretStr]
    server: Server
    storage: Storage
    source: Path | None = None

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks of all assets."""
        return tuple(check for asset in self.assets for check in asset.checks)

    def asset(self, id: str) -> Asset | None:
        """The asset of that id."""
        return next((asset for asset in self.assets if asset.id == id), None)
