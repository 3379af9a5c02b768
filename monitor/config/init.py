"""Writes a first configuration from what this machine knows of its network."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from textwrap import fill

from monitor.config.document import printable
from monitor.config.machine import Interface, Machine, survey
from probes._engines.periods import parse

__all__ = ["Machine", "first_config", "survey"]

_HEAD = """\
# What Deskwatch watches at this site, and whom it tells.
# After a change: `deskwatch check` says whether the file is right, with every mistake and its line;
# a running Deskwatch takes it over on the signal HUP or `POST /-/reload`, and keeps the old one if there is a mistake.

site:
  id: {id}
  name: {name}
  timezone: {timezone}
  # How many people the site holds: what an outage costs is counted in member-minutes.
  # capacity: 80
  # When members are there. A day that is not named is closed; without opening_hours the site never closes.
  # opening_hours:
  #   mon-fri: "08:00-20:00"
  #   sat: ["09:00-12:00", "13:00-18:00"]
  # holidays: [2026-12-25, 2027-01-01]
"""

_UPLINKS = """
# Each asset is something that members would name. `affects` and `remedy` are what a message says beside the fault.
uplinks:{found}
"""

_GATEWAY = """\
  - id: {id}
    name: {name}
    affects: Nobody has internet.
    remedy: Look at the lights of the router and its cables; if it is dark, check its power; else restart it.
    checks:
"""

_ROUTER = """\
      - {{kind: internet.ping, name: {name}, host: {address}}}
"""

_INTERNET = """\
  - id: internet
    name: Internet{depends_on}
    affects: Nobody has internet, although the Wi-Fi works.
    remedy: Call the provider; switch to the second line if there is one.
    checks:
      # A public address that answers pings. Rules of the kind are changed by their id, or switched off.
      - kind: internet.ping
        host: 9.9.9.9
        # interval: 10s
        # rules: {{loss: {{above: 0.2, for: 5m}}, down: {{severity: warning}}, blind: off}}
"""

_SECOND = """\
  # A second line, measured through this machine's address in its network:
  # - id: backup
  #   name: Backup line
  #   checks:
  #     - {kind: internet.ping, host: 9.9.9.9, source: 192.0.2.2}
"""

_SERVICES = """
services:
"""

_NAME_SERVICE = """\
  - id: name-service
    name: Name service (DNS)
    affects: Web pages do not open, although the internet works.
    remedy: Restart the router or the server that answers DNS.
    checks:
"""

_RESOLVER = """\
      - {{kind: internet.dns, name: {name}, resolver: {address}, query_name: example.org}}
"""

_REVIEWS = """
  # What people have to look through by the calendar. The page Reviews shows when, and takes the sign-off with evidence;
  # two weeks before the day it reminds. `first` is the day by which it is done the first time.
"""

_REVIEW = """\
  - id: {id}
    name: {name}
    people: 0
    remedy: Do what the page Reviews says, and sign it off there.
    checks:
      - kind: passive.review
        every: {every}
        first: {first}
        timezone: {timezone}
        what: >-
{what}
"""

_CALENDAR = (
    (
        "credential-audit",
        "Audit of keys and cards",
        "3 months",
        "Compare the list of keys, cards and codes with the list of members and staff, and switch off what is not "
        "needed. Evidence: how many were compared, and what was switched off.",
    ),
    (
        "restore-test",
        "Restore test of the backups",
        "3 months",
        "Restore one thing from each backup to another place and open it. "
        "Evidence: what was restored, from which day, and how long it took.",
    ),
    (
        "stack-review",
        "Review of devices and software",
        "3 months",
        "Go through devices and subscriptions: updates, end of support, contracts, what nobody uses. "
        "Evidence: what was changed, and what was decided.",
    ),
    (
        "third-party-access",
        "Review of outside access",
        "1 year",
        "List every supplier and former employee with an account, a key or remote access, and end what is not needed. "
        "Evidence: the list, and what was ended.",
    ),
)
"""Id, name, period and task of what every site has to look through."""

_MORE = """
# The other sections work the same way: wifi, doors, booking, rooms, equipment, services.
# `deskwatch reference kinds` lists what can be measured and the settings of each kind.
#
# rooms:
#   - id: boardroom
#     name: Boardroom
#     people: 10
#     depends_on: internet
#     checks:
#       - {kind: internet.tcp, host: 192.0.2.30, port: 443}

# Who hears of a fault. `to` is an Apprise URL; it holds a secret, so it comes from the environment or a file:
#
# routes:
#   - id: team-chat
#     to: ${env:DESKWATCH_CHAT_URL}
#     # At night it hears only of what is critical; the rest waits for the morning.
#     quiet: {hours: {mon-sun: "22:00-07:30"}}
#   # Whoever is on call, and after ten minutes without an answer everybody:
#   - id: technician
#     severities: [critical]
#     repeat: 15m
#     steps:
#       - to: it
#       - {after: 10m, to: [ana, ben, team-chat]}
#
# people:
#   - {id: ana, name: Ana Lopes, to: "${env:DESKWATCH_ANA_URL}"}
#   - {id: ben, name: Ben Sousa, to: "${file:/etc/deskwatch/ben-url}"}
#
# on_call:
#   - {id: it, people: [ana, ben], rotate: weekly, starts: 2026-01-05 09:00, fallback: team-chat}

# Planned work, during which nobody is told; what happens once has `from: 2026-12-01 06:00` and `to: 2026-12-01 07:00`:
#
# maintenance:
#   - {id: router-updates, name: Router updates, assets: [internet], days: tue, nth: 2, at: "05:00", lasts: 1h}

# What holds for all checks unless they say otherwise:
#
# defaults:
#   interval: 30s
#   timeout: 5s
#   kinds:
#     internet.ping: {interval: 10s}

# Where the pages are; `url` is how people reach them, messages link there:
#
# server:
#   listen: 127.0.0.1:8470
#   url: https://deskwatch.example.org
"""


def first_config(machine: Machine, today: date) -> str:
    """A site.yaml that `load` accepts: what is known of this machine's network, reviews that fall due from a quarter
    after today on, and comments that teach the rest."""
    head = _HEAD.format(
        id=_quoted(_slug(machine.host) or "site"), name=_quoted(machine.host), timezone=machine.timezone
    )
    return "".join(
        (
            head,
            _UPLINKS.format(found=_found(machine.interfaces)),
            *_uplinks(machine),
            *_services(machine),
            *_reviews(machine, today),
            _MORE,
        )
    )


def _found(interfaces: tuple[Interface, ...]) -> str:
    """A comment with this machine's addresses."""
    return "".join(f"\n  # This machine: {printable(one.name)} has {', '.join(one.addresses)}." for one in interfaces)


def _uplinks(machine: Machine) -> Iterator[str]:
    """An asset for the router behind each interface, and one for the internet behind them."""
    interfaces = tuple(dict.fromkeys(gateway.interface for gateway in machine.gateways))
    only = len(interfaces) == 1
    for number, interface in enumerate(interfaces, 1):
        name, label = ("gateway", "Router") if only else (f"gateway-{number}", f"Router at {interface}")
        yield _GATEWAY.format(id=name, name=_quoted(label))
        routers = [gateway.address for gateway in machine.gateways if gateway.interface == interface]
        for index, address in enumerate(routers, 1):
            yield _ROUTER.format(name="ping" if index == 1 else f"ping-{index}", address=_quoted(address))
    # With several routers either may carry the traffic: none of them alone explains a lost internet.
    yield _INTERNET.format(depends_on="\n    depends_on: gateway" if only else "")
    yield _SECOND


def _services(machine: Machine) -> Iterator[str]:
    yield _SERVICES
    if machine.resolvers:
        yield _NAME_SERVICE
    for number, address in enumerate(machine.resolvers, 1):
        yield _RESOLVER.format(name=f"resolver-{number}", address=_quoted(address))


def _reviews(machine: Machine, today: date) -> Iterator[str]:
    """An asset for each review; they fall due a week apart, so that nobody has to do all of them at once."""
    yield _REVIEWS
    quarter = parse("3 months").after(today)
    for week, (id, name, every, what) in enumerate(_CALENDAR):
        first = quarter + timedelta(weeks=week)
        told = fill(what, 110, initial_indent=" " * 10, subsequent_indent=" " * 10)
        yield _REVIEW.format(id=id, name=name, every=every, first=first, timezone=_quoted(machine.timezone), what=told)


def _slug(text: str) -> str:
    """The text as an id."""
    return re.sub("[^a-z0-9]+", "-", text.lower())[:40].strip("-")


def _quoted(text: str) -> str:
    """The text in quotes, as YAML reads it back; what cannot be printed is replaced."""
    return json.dumps(printable(text), ensure_ascii=False)
