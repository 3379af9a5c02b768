"""Whatever devices, members and providers call themselves stays text, wherever the service shows it."""

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
from aiohttp.test_utils import TestClient, TestServer
from peers import hostile
from peers.chromium import profile
from peers.furnished import NO_PAGES, PAGES, furnish
from peers.hostile import TEXTS
from peers.people import browser, token
from peers.pipelines import pipeline_over
from prometheus_client import CollectorRegistry

from alerting.inbound import PROMETHEUS, posted
from monitor import web
from monitor.inbound import Inbound
from monitor.metrics import Vitals
from monitor.people.roles import Role
from monitor.store import attachments, incidents, users
from monitor.web.app import build, routes
from monitor.web.auth import Gate
from monitor.web.files import Files

ANSWERS = {
    "/fragment/board": ("/fragment/board",),
    "/fragment/sites": ("/fragment/sites",),
    "/fragment/alerts": ("/fragment/alerts",),
    "/fragment/incidents/{id}": ("/fragment/incidents/{open}", "/fragment/incidents/{outside}"),
    "/incidents/{id}/files/{file}": ("/incidents/{reviewed}/files/{file}",),
    "/fragment/wallboard": ("/fragment/wallboard",),
    "/fragment/assets/{id}": ("/fragment/assets/fibre",),
    "/fragment/checks/{asset}/{name}": ("/fragment/checks/fibre/ping",),
    "/fragment/deliveries": ("/fragment/deliveries",),
    "/audit-log/entries.csv": ("/audit-log/entries.csv",),
    "/audit-log/entries.json": ("/audit-log/entries.json",),
    "/status.json": ("/status.json",),
    "/status/feed.atom": ("/status/feed.atom",),
    "/status/feed.rss": ("/status/feed.rss",),
    "/status/badge.svg": ("/status/badge.svg",),
    "/status/badge.json": ("/status/badge.json",),
    "/status/badge/{asset}.svg": ("/status/badge/fibre.svg",),
    "/status/badge/{asset}.json": ("/status/badge/fibre.json",),
    "/api/v1/site": ("/api/v1/site",),
    "/api/v1/board": ("/api/v1/board",),
    "/api/v1/sites": ("/api/v1/sites",),
    "/api/v1/alerts": ("/api/v1/alerts",),
    "/api/v1/assets": ("/api/v1/assets",),
    "/api/v1/assets/{asset}": ("/api/v1/assets/fibre",),
    "/api/v1/checks": ("/api/v1/checks",),
    "/api/v1/checks/{asset}/{name}": ("/api/v1/checks/fibre/ping",),
    "/api/v1/checks/{asset}/{name}/rules": ("/api/v1/checks/fibre/ping/rules",),
    "/api/v1/incidents": ("/api/v1/incidents",),
    "/api/v1/incidents/{incident}": ("/api/v1/incidents/{reviewed}", "/api/v1/incidents/{outside}"),
    "/api/v1/incidents/{incident}/related": ("/api/v1/incidents/{open}/related",),
    "/api/v1/incidents/{incident}/files": ("/api/v1/incidents/{reviewed}/files",),
    "/api/v1/incidents/{incident}/files/{file}": ("/api/v1/incidents/{reviewed}/files/{file}",),
    "/api/v1/incidents/{incident}/export": tuple(
        f"/api/v1/incidents/{{reviewed}}/export?shape={shape}" for shape in ("html", "txt", "md", "csv", "json")
    ),
    "/api/v1/silences": ("/api/v1/silences", "/api/v1/silences?ended=true"),
    "/api/v1/silences/{silence}": ("/api/v1/silences/01ON",),
    "/api/v1/maintenance": ("/api/v1/maintenance",),
    "/api/v1/maintenance/calendar": ("/api/v1/maintenance/calendar",),
    "/api/v1/why": ("/api/v1/why?about=fibre/ping",),
    "/api/v1/destinations": ("/api/v1/destinations",),
    "/api/v1/deliveries": ("/api/v1/deliveries",),
    "/api/v1/on-call": ("/api/v1/on-call",),
    "/api/v1/on-call/shifts": ("/api/v1/on-call/shifts",),
    "/api/v1/on-call/paged": ("/api/v1/on-call/paged?asset=fibre",),
    "/api/v1/overrides": ("/api/v1/overrides",),
    "/api/v1/overrides/{override}": ("/api/v1/overrides/01ABC",),
    "/api/v1/morning": ("/api/v1/morning",),
    "/api/v1/morning/{report}": ("/api/v1/morning/{morning}",),
    "/api/v1/audits/credentials": ("/api/v1/audits/credentials",),
    "/api/v1/reviews": ("/api/v1/reviews",),
    "/api/v1/availability": ("/api/v1/availability",),
    "/api/v1/reports": ("/api/v1/reports",),
    "/api/v1/reports/{report}": ("/api/v1/reports/{memo}",),
    "/api/v1/reports/{report}/export": tuple(
        f"/api/v1/reports/{{memo}}/export?shape={shape}" for shape in ("html", "txt", "md", "csv", "json")
    ),
    "/api/v1/audit-log": ("/api/v1/audit-log",),
    "/api/v1/configuration": ("/api/v1/configuration",),
    "/api/v1/account": ("/api/v1/account",),
    "/api/v1/users": ("/api/v1/users",),
    "/api/v1/users/{user}": ("/api/v1/users/{user}",),
    "/api/v1/tokens": ("/api/v1/tokens",),
    "/api/v1/grafana/incidents": ("/api/v1/grafana/incidents",),
    "/api/v1/grafana/status": ("/api/v1/grafana/status",),
    "/api/v1/grafana/availability": ("/api/v1/grafana/availability",),
    "/api/v1/grafana/verdicts": ("/api/v1/grafana/verdicts",),
    "/-/ready": ("/-/ready",),
}
"""An example or more of every answer that is no page and says what others have said."""

FILES = {route: addresses for route, addresses in ANSWERS.items() if not route.startswith("/api/")} | {
    route: addresses for route, addresses in ANSWERS.items() if route.endswith("/export")
}
"""Those of them in which text could be more than text to who opens them."""
FOR_PROGRAMS = ("attribute", "direction", "length")
"""The texts that mean something in what only programs read."""

SAYS_NOTHING = (
    "/events",
    "/api/v1/events",
    "/api/v1/openapi.json",
    "/sign-in/oidc",
    "/account/second-factor/code.svg",
    "/ping/",
    "/static/",
    "/-/healthy",
    "/metrics",
    "/probe",
)
"""How the addresses begin of answers without words of others, or that have a test of their own beside this one."""

LARGEST = 800_000
"""Characters of an answer, with ten thousand in every name: the API tells what is in the configuration as it is."""


class Site(NamedTuple):
    """A furnished site where everything has a hostile name, a browser that is signed in, and where everything is."""

    client: TestClient
    stranger: TestClient
    places: dict[str, str]
    space: Any

    async def faults(self, address: str, language: str) -> list[str]:
        """What is wrong with an answer."""
        asks = self.stranger if address.startswith("/sign-in") else self.client
        answer = await asks.get(address.format(**self.places), headers={"Accept-Language": language})
        text = await answer.text()
        if answer.status != 200 and address != "/-/ready":
            return [f"status {answer.status}: {text[:300]}"]
        too_long = [f"{len(text):,} characters"] if len(text) > LARGEST else []
        return too_long + LOOKS[answer.content_type](text)


async def raise_alarm(space, text: str) -> str:
    """Take in an alert of another program that says the text wherever it can; the incident of it."""
    vitals = Vitals(CollectorRegistry())
    pipeline = pipeline_over(space.store, vitals, space.touch)
    await pipeline.adopt(replace(space.config, routes=()))
    labels = dict.fromkeys(("alertname", "instance", "job", "severity", "asset"), text)
    batch = posted([{"labels": labels, "annotations": dict.fromkeys(("summary", "description", "message"), text)}])
    assert await Inbound(pipeline, vitals).take(batch, PROMETHEUS) == 0
    async with space.store.connect() as conn:
        (found,) = [one.id for one in await incidents.live(conn) if space.config.asset(one.asset) is None]
    return found


@pytest.fixture
async def site(harbour, make_asset) -> AsyncIterator[Site]:
    """The site before anybody has called anything strange."""
    places, gate = (await furnish(harbour, make_asset))._asdict(), Gate()
    await token(harbour.store, Role.VIEWER)
    places["outside"] = await raise_alarm(harbour, TEXTS["attribute"])
    async with harbour.store.connect() as conn:
        places["file"] = (await attachments.of_incident(conn, places["reviewed"]))[0].id
        places["user"] = (await users.everybody(conn))[0].id
    async with TestServer(build(harbour, gate)) as server, browser(server) as client, browser(server) as stranger:
        answer = await client.post("/sign-in", data={"token": gate.link("").partition("token=")[2]})
        assert answer.status == 200
        yield Site(client, stranger, places, harbour)


def test_every_answer_is_looked_at() -> None:
    declared = routes(Files(Path(web.__file__).parent / "static"))
    asked = {one.path for one in declared if one.method == "GET" and not one.path.startswith(SAYS_NOTHING)}
    assert {path for path in asked if path.startswith(NO_PAGES)} == set(ANSWERS)
    assert asked - set(ANSWERS) == set(PAGES)


@pytest.mark.timeout(400)
async def test_hostile_names_are_text_in_every_page_and_answer(site: Site) -> None:
    found = {}
    for name, text in TEXTS.items():
        await hostile.spoil(site.space, text)
        routes = PAGES | (ANSWERS if name in FOR_PROGRAMS else FILES)
        for number, address in enumerate(address for all in routes.values() for address in all):
            found[name, address] = await site.faults(address, ("en", "de")[number % 2])
    assert {of: faults for of, faults in found.items() if faults} == {}


async def test_a_browser_runs_nothing_that_somebody_has_named_himself(harbour, make_asset, chromium: str) -> None:
    places, gate, complaints = (await furnish(harbour, make_asset))._asdict(), Gate(), []
    async with TestServer(build(harbour, gate)) as server, profile(chromium) as context:
        page, base = await context.new_page(), str(server.make_url("")).rstrip("/")
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda one: None if one.url.startswith(base) else complaints.append(one.url))
        await page.goto(gate.link(base))
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{base}/")
        for name in ("markup", "attribute"):
            await hostile.spoil(harbour, TEXTS[name])
            for path in ("/", "/incidents/{reviewed}", "/assets/fibre", "/configuration", "/status"):
                answer = await page.goto(base + path.format(**places))
                assert answer is not None and answer.ok, path
                assert await page.locator("pwn, [owned], img:not([src^='/static/'])").count() == 0, path
    assert complaints == []


def in_json(text: str) -> list[str]:
    """What a program would hand on that obeys instead of showing; the characters themselves are not in the file."""
    said = [one for one in hostile.strings(json.loads(text)) if hostile.OBEYED.search(one)]
    return [one[:200] for one in said] + hostile.OBEYED.findall(text)


def in_csv(text: str) -> list[str]:
    """Cells that a spreadsheet would compute, and what is no cell at all."""
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), strict=True) for cell in row]
    return [cell[:200] for cell in cells if hostile.is_formula(cell) or hostile.OBEYED.search(cell)]


def in_markdown(text: str) -> list[str]:
    """What a reader of Markdown would make something else of than text."""
    found = hostile.OBEYED.findall(text)
    found += [line for line in text.splitlines() if line.startswith(("# pwn", "<"))]
    return found + [
        one for one in ("<script", "<pwn", "<svg", "<img", "[x](", " `x`", "![x]") if f"{one}" in bare(text)
    ]


def bare(text: str) -> str:
    """Markdown without what a backslash takes its meaning from."""
    return text.replace("\\\\", "").replace("\\<", "").replace("\\[", "").replace("\\`", "")


def in_xml(text: str) -> list[str]:
    """What of a feed or a picture would be an element or an attribute that came from a text."""
    elements = list(ET.fromstring(text).iter())
    strange = [one.tag for one in elements if one.tag.rpartition("}")[2] in ("script", "pwn", "img", "image", "a")]
    strange += [key for one in elements for key in one.attrib if key.startswith("on") or key in ("owned", "style")]
    return strange + hostile.OBEYED.findall(text)


def in_text(text: str) -> list[str]:
    return hostile.OBEYED.findall(text)


LOOKS = {
    "text/html": hostile.intrusions,
    "application/json": in_json,
    "text/csv": in_csv,
    "text/markdown": in_markdown,
    "application/atom+xml": in_xml,
    "application/rss+xml": in_xml,
    "image/svg+xml": in_xml,
    "text/plain": in_text,
}
"""What is wrong with an answer, by its media type."""
