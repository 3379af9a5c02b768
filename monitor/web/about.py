"""The page about Deskwatch itself: its version, how it does, and the licences of what it is made of."""

import asyncio
import platform
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from typing import NamedTuple

from aiohttp import web

from language import N_, gettext
from monitor.store import outbox
from monitor.watchdog import unwell
from monitor.web import words
from monitor.web.guard import APP
from monitor.web.pages import page
from probes import load

OURS = "deskwatch"
DOCS = (
    ("docs/operations/web.md", N_("these pages")),
    ("docs/operations/configuration.md", N_("the configuration, every setting of it")),
    ("docs/operations/rules.md", N_("when a reading matters")),
    ("docs/operations/delivery.md", N_("how messages are delivered")),
    ("docs/operations/incidents.md", N_("the record of incidents")),
    ("docs/operations/access.md", N_("accounts and roles")),
    ("docs/operations/metrics.md", N_("metrics for Prometheus")),
    ("docs/probes/README.md", N_("every kind of check")),
)
"""Where to read more, beside the program."""

_NAME = re.compile(r"[A-Za-z0-9._-]+")


class Package(NamedTuple):
    """One installed distribution that Deskwatch needs, and the licence that it names."""

    name: str
    version: str
    licence: str


async def show(request: web.Request) -> web.Response:
    """GET /about."""
    app = request.app[APP]
    signs = await app.vital_signs()
    async with app.store.connect() as conn:
        waiting = sum(number for number, _ in (await outbox.backlog(conn)).values())
        database = conn.dialect.name
    checks = app.config.checks
    return page(
        request,
        "about.html",
        version=version(OURS),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=gettext("{system} on {machine}", system=platform.system(), machine=platform.machine()),
        database={"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(database, database),
        started=app.started,
        checks=len(checks),
        rate=sum(1 / check.interval for check in checks if not load(check.kind).passive),
        signs=signs,
        unwell=unwell(signs),
        waiting=waiting,
        packages=await asyncio.to_thread(packages),
        docs=DOCS,
    )


@cache
def packages() -> tuple[Package, ...]:
    """What is installed that Deskwatch needs, directly or not, by name. Reads many files, once."""
    found: dict[str, Package] = {}
    waiting = list(_required(distribution(OURS)))
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            one = distribution(name)
        except PackageNotFoundError:  # it is for other systems or versions
            continue
        found[name] = Package(words.plain(one.name), words.plain(one.version), licence_of(one))
        waiting += _required(one)
    return tuple(sorted(found.values(), key=lambda package: package.name.lower()))


def licence_of(one: Distribution) -> str:
    """The licence that a distribution names: an expression, its classifiers, a few words of its own, or ""."""
    meta = one.metadata
    if "License-Expression" in meta:
        return words.plain(meta["License-Expression"])
    classified = [line.rpartition(" :: ")[2] for line in meta.get_all("Classifier") or () if line.startswith("License")]
    said = next(iter(meta.get_all("License") or ()), "").strip().partition("\n")[0]
    return words.plain(words.short(", ".join(classified) or said, 80))


def _required(one: Distribution) -> Iterator[str]:
    """The names of what a distribution needs, without what only its extras do."""
    for requirement in one.requires or ():
        name = _NAME.match(requirement)
        if name is not None and "extra ==" not in requirement:
            yield re.sub(r"[-_.]+", "-", name[0]).lower()
