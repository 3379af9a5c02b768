"""The configuration as the application uses it: frozen, complete, every reference resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from alerting.gates import Maintenance
from alerting.hours import OpeningHours
from alerting.inbound import OUTSIDE
from alerting.oncall import Directory, Person, Schedule
from alerting.routes import Route
from alerting.rules import Rule
from language import DEFAULT
from monitor.people.roles import Role
from probes import Params
from probes._engines.uplinks import Uplink

SECTIONS = ("uplinks", "wifi", "doors", "booking", "rooms", "equipment", "services")
"""The sections that hold assets, in the order in which the board shows them."""


@dataclass(frozen=True, slots=True)
class Site:
    """The space itself. `hours` knows its time zone, opening hours and holidays; `capacity` is in people.

    `language` is that of its messages and its record.
    """

    id: str
    name: str
    hours: OpeningHours
    capacity: int
    language: str = DEFAULT


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
class Module:
    """A probe on demand under a name of its own: its settings as written, but for the target; `timeout` in seconds."""

    kind: str
    settings: Mapping[str, Any]
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """What a member would name: an uplink, an SSID, a door, the booking system, a room, a printer.

    `people` is how many it serves (the site's capacity unless said). It depends on each group of `depends_on`, and on a
    group as long as one of its assets works. `affects` says in a sentence what members cannot do without it, `remedy`
    what to do when it fails; both may be "". `uplink` is what is known of a line to the internet.
    """

    id: str
    section: str
    name: str
    people: int
    depends_on: tuple[tuple[str, ...], ...]
    affects: str
    remedy: str
    checks: tuple[Check, ...]
    tags: frozenset[str] = frozenset()
    uplink: Uplink | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        """The ids of everything it depends on, each once."""
        return tuple(dict.fromkeys(id for group in self.depends_on for id in group))


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of the certificate of the pages, with those between it and its root, and of its private key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class TrustedProxy:
    """A proxy that connects from these networks and knows who asks: it names them in `header`, "" for not at all.

    `role` is for those who have no account here, None lets them not in.
    """

    networks: tuple[IPv4Network | IPv6Network, ...]
    header: str = ""
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Oidc:
    """A provider of OpenID Connect with whose accounts people sign in; `roles` are by the values of `role_claim`."""

    issuer: str
    name: str
    client_id: str
    client_secret: SecretStr
    scopes: tuple[str, ...]
    name_claim: str
    role_claim: str
    roles: Mapping[str, Role]


@dataclass(frozen=True, slots=True)
class Server:
    """Where the pages are. `url` is how people reach them ("" if not said); `token` opens /metrics and /probe.

    `insecure` lets it listen beyond this machine without TLS or users; without `sign_in_link` the link signs in only
    while nobody else can administer the site.
    """

    host: str = "127.0.0.1"
    port: int = 8470
    url: str = ""
    token: SecretStr | None = None
    tls: Tls | None = None
    insecure: bool = False
    sign_in_link: bool = True
    trusted_proxy: TrustedProxy | None = None
    oidc: Oidc | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days of spans, each latency rollup, finished incidents, the audit log and readings are kept."""

    spans: int = 400
    five_minutes: int = 14
    hours: int = 90
    days: int = 800
    incidents: int = 1100
    audit_log: int = 1100
    recordings: int = 35


@dataclass(frozen=True, slots=True)
class Storage:
    """Where state is kept: an SQLAlchemy URL, which may hold a password."""

    url: SecretStr
    retention: Retention = Retention()


@dataclass(frozen=True, slots=True)
class Alerting:
    """How long things last, in seconds, and how much is sent.

    `acknowledged` is how long an acknowledgement holds while the fault lasts, `links` how long a signed link works,
    `dismissed` how long a fault that somebody called resolved may go on being measured before it is open again. One
    that begins again within `reopen` after its end is the same incident. The site counts as open `lead` before it
    opens. `budget` is how many messages below critical one destination gets in
    five minutes; more go out together in one.
    """

    acknowledged: float = 4 * 3600
    links: float = 24 * 3600
    dismissed: float = 900
    reopen: float = 600
    lead: float = 3600
    budget: int = 10


@dataclass(frozen=True, slots=True)
class Drill:
    """A weekly test of every pager, on a weekday (Monday is 0) at a wall-clock time; `within` seconds to confirm."""

    weekday: int
    at: time
    within: float = 3600


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Where to say that all is well with Deskwatch itself, every `interval` seconds; silence there is the alarm."""

    url: SecretStr
    interval: float = 60


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """Prometheus Alertmanagers that are told what fires: all of them, again every `resend` seconds."""

    urls: tuple[str, ...]
    authorization: SecretStr | None = None
    resend: float = 60


@dataclass(frozen=True, slots=True)
class Morning:
    """The check of everything, `before` seconds before opening; it may take `deadline` seconds.

    `to` is what a step of a route may name: people, schedules, routes.
    """

    before: float
    to: tuple[str, ...]
    deadline: float = 300


@dataclass(frozen=True, slots=True)
class Memo:
    """A report that is made again and again at a wall-clock time.

    On a `weekday` (Monday is 0), on a day of the `month`, or every day if it has neither.
    """

    at: time
    to: tuple[str, ...]
    weekday: int | None = None
    month: int | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """What figures are held against.

    `availability` is a share of the open hours, `tickets` faults that members report for each member and month at most,
    `adoption` the share of the members who use the app at least.
    """

    availability: float = 0.995
    tickets: float = 0.1
    adoption: float = 0.5


@dataclass(frozen=True, slots=True)
class Reports:
    """Which reports are made, and who gets them; None for one that nobody wants."""

    morning: Morning | None = None
    daily: Memo | None = None
    weekly: Memo | None = None
    monthly: Memo | None = None
    isp: Memo | None = None
    targets: Targets = Targets()


@dataclass(frozen=True, slots=True)
class RemoteWrite:
    """Where all series are sent, every `interval` seconds, with these labels beside their own.

    `authorization` is the value of that header. What cannot be sent waits in `folder`: `spool` bytes at most, none of
    it older than `keep` seconds.
    """

    url: str
    labels: Mapping[str, str]
    folder: Path
    authorization: SecretStr | None = None
    interval: float = 30
    spool: int = 256_000_000
    keep: float = 86_400


@dataclass(frozen=True, slots=True)
class PublicAsset:
    """An asset as members know it; `words` are a sentence for them while it does not work, "" for none."""

    id: str
    name: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class StatusPage:
    """What everybody may see without signing in: these assets, their last `days`, and a sentence about whom to ask."""

    title: str
    assets: tuple[PublicAsset, ...]
    days: int = 90
    contact: str = ""


@dataclass(frozen=True, slots=True)
class OtherSite:
    """Another site, whose own Deskwatch at `url` tells how it is to whoever has the `token`."""

    id: str
    name: str
    url: str
    token: SecretStr


@dataclass(frozen=True, slots=True)
class Config:
    """One site, ready to be watched. `destinations` holds the Apprise URL of every destination: channels of routes and
    contacts of people."""

    site: Site
    assets: tuple[Asset, ...]
    routes: tuple[Route, ...]
    destinations: Mapping[str, SecretStr]
    server: Server
    storage: Storage
    source: Path | None = None
    people: tuple[Person, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    maintenances: tuple[Maintenance, ...] = ()
    alerting: Alerting = Alerting()
    drill: Drill | None = None
    watchdog: Watchdog | None = None
    alertmanager: Alertmanager | None = None
    remote_write: RemoteWrite | None = None
    modules: Mapping[str, Module] = field(default_factory=dict)
    reports: Reports = Reports()
    status_page: StatusPage | None = None
    other_sites: tuple[OtherSite, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks of all assets."""
        return tuple(check for asset in self.assets for check in asset.checks)

    @property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """By the id of an asset: the checks of all assets that it depends on, directly or not."""
        checks = {asset.id: tuple(check.id for check in asset.checks) for asset in self.assets}
        above = {asset.id: asset.parents for asset in self.assets}
        return {id: tuple(check for one in _ancestors(id, above) for check in checks.get(one, ())) for id in above}

    @property
    def directory(self) -> Directory:
        """Everybody and everything that a step of a route can name."""
        return Directory(
            people={person.id: person for person in self.people},
            schedules={schedule.id: schedule for schedule in self.schedules},
            destinations=frozenset(route.id for route in self.routes if route.id in self.destinations),
        )

    def asset(self, id: str) -> Asset | None:
        """The asset of that id."""
        return next((asset for asset in self.assets if asset.id == id), None)

    def served_by(self, id: str) -> int:
        """How many people the asset of that id serves: all for one that is gone from the file, nobody that we know of
        for what other programs watch."""
        asset = self.asset(id)
        if asset is not None:
            return asset.people
        return 0 if id.startswith(OUTSIDE) else self.site.capacity


def _ancestors(id: str, above: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Everything that is above an asset, each once."""
    found: dict[str, None] = {}
    ring = above.get(id, ())
    while ring:
        found |= dict.fromkeys(ring)
        ring = tuple(parent for one in ring for parent in above.get(one, ()) if parent not in found)
    return tuple(found)
