"""The days of those who work with Deskwatch, each in a browser of their own over one real process."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from peers.chromium import PATIENCE, connected
from peers.glewlwyd import CLIENT, SECRET, Glewlwyd, Person, glewlwyd
from peers.glewlwyd import PASSWORD as THERE
from playwright.async_api import Browser, Page, expect
from stories.conftest import Clock, Deskwatch, Sink, Target, until
from stories.on_call import Building, Phones, opens, site, thing
from stories.test_browser import keep
from typer.testing import CliRunner

from monitor.cli import cli
from monitor.people import totp

TUESDAY = datetime(2026, 11, 24, 7, 20, tzinfo=UTC)
"""In Lisbon clocks show what UTC is."""
PASSWORD = "four words and a tram"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1180, "height": 900}}
EVERYTHING = (
    "uplinks:\n",
    thing("fibre", "Fibre line", "people: 80, affects: Everybody is on the slower LTE line."),
    "doors:\n",
    thing("front-door", "Front door", "people: 80"),
    "booking:\n",
    thing(
        "booking",
        "Booking system",
        "people: 80, affects: Members cannot book or open rooms., "
        "remedy: Call the booking provider and open rooms with the master card.",
    ),
    "equipment:\n",
    thing("printer", "Printer", "people: 12, rules: {down: {severity: warning}}"),
    "routes:\n",
    '  - {id: desk, to: "${env:DESK}", severities: [warning]}\n',
    "  - {id: pager, steps: [{to: ana}, {after: 10m, to: ben}]}\n",
    "reports: {morning: {before: 10m, to: [desk]}}\n",
    "status_page:\n",
    "  title: Harbour Street\n",
    "  assets: [{id: booking, name: Booking, words: Please book at the front desk.}, {id: fibre, name: Internet}]\n",
)


@pytest.fixture
async def browsers(chromium: str) -> AsyncIterator["Browsers"]:
    """As many people as a day has, each with a browser of their own."""
    async with connected(chromium) as browser, AsyncExitStack() as open_ones:
        yield Browsers(browser, open_ones)


class Browsers:
    """What everybody looks at pages with."""

    def __init__(self, browser: Browser, open_ones: AsyncExitStack) -> None:
        self._browser, self._open_ones = browser, open_ones

    async def one(self, **looks: Any) -> Page:
        """A page in a fresh profile, which looks like that."""
        context = await self._browser.new_context(**looks)
        context.set_default_timeout(PATIENCE)
        self._open_ones.push_async_callback(context.close)
        return await context.new_page()


async def test_a_manager_opens_the_space_while_whoever_is_on_call_mends_it(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones, browsers: Browsers
) -> None:
    clock.set(TUESDAY)
    hours = 'capacity: 80, opening_hours: {mon-fri: "08:00-20:00"}}'
    night.write(site(building, *EVERYTHING).replace("timezone: Europe/Lisbon}", f"timezone: Europe/Lisbon, {hours}"))
    await joins(night, "maria", "operator")
    await joins(night, "ana", "operator")
    await joins(night, "vera", "viewer")
    building.breaks("booking", "printer")
    await night.start()
    paged = await phones.hears("ana", "Critical: Booking system is down")
    await phones.hears("desk", "Warning: Printer is down")

    # Before the doors open, on a phone: what is broken, whom it hits, what to tell members, and who has it.
    phone = await browsers.one(**PHONE)
    await phone.goto(night.url)
    await phone.get_by_role("link", name="Sign in").click()
    await enters(phone, "maria")
    await phone.get_by_role("link", name="Morning").click()
    await phone.get_by_role("button", name="Run it now").click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("2 things need you before opening")
    booking = phone.get_by_role("article", name="Booking system is down")
    await expect(booking).to_contain_text("80 people")
    await expect(booking).to_contain_text("Members cannot book or open rooms.")
    await expect(booking).to_contain_text("Call the booking provider")
    await expect(booking.get_by_text("Tell members", exact=True)).to_be_visible()
    await expect(booking.locator("q")).to_contain_text("Booking system")
    printer = phone.get_by_role("article", name="Printer is down")
    await printer.get_by_role("button", name="I have it").click()
    await expect(printer).to_contain_text("maria")
    assert await phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await keep(phone, "morning.png")

    # What members see is that much, and no more.
    member = await browsers.one(**PHONE)
    await member.goto(f"{night.url}/status")
    await expect(member.get_by_role("heading", level=1)).to_contain_text("Booking is not working since")
    await expect(member.get_by_text("Please book at the front desk.")).to_be_visible()
    everything, kept = await member.content(), ("Printer", "maria", "Ana Lopes", "provider", building.address)
    assert not [word for word in kept if word in everything]
    for path in ("/", "/morning", "/incidents", "/users", "/wallboard", "/api/v1/incidents"):
        answer = await member.request.get(night.url + path)
        assert (answer.status, "Booking" in await answer.text()) == (401, False), path

    # On call, woken by the message: one tap without signing in.
    pager = await browsers.one(**PHONE)
    await pager.goto(paged.link)
    await pager.get_by_role("button", name="I have it").click()
    await expect(pager.get_by_text("Ana Lopes has it until")).to_be_visible()
    assert "Ana Lopes has it until" in await opens(paged.link)
    await pager.get_by_role("link", name="All about it").click()
    address = pager.url
    await pager.get_by_role("link", name="Sign in").click()
    await enters(pager, "ana")

    # Signed in: what was seen and done, and that it is over.
    await pager.goto(address)
    await pager.get_by_label("What did you see or do?").fill("The provider restarts its servers.")
    await pager.get_by_role("button", name="Add to the timeline").click()
    await expect(pager.get_by_role("region", name="Timeline")).to_contain_text("The provider restarts its servers.")
    clock.set(TUESDAY.replace(minute=50))
    morning = await phones.hears("desk", "2 things need you before opening")
    assert "Ana Lopes" in morning.body
    clock.set(TUESDAY.replace(hour=8, minute=23))
    await pager.get_by_role("button", name="It is fixed: Booking system is down").click()
    await expect(pager.get_by_text("lasted 1 h")).to_be_visible()
    building.works_again("booking")
    await pager.get_by_label("Resolution").fill("The provider restarted its servers.")
    await pager.get_by_label("Root cause").fill("Their certificate had expired overnight.")
    await pager.get_by_label("Kind of cause").select_option("vendor")
    await pager.get_by_label("Who noticed it first").select_option("us")
    await pager.get_by_label("Contributing factors").fill("Nobody watched when the certificate ends.")
    await pager.get_by_role("button", name="Save the review").click()
    await phones.hears("ana", "Resolved: Booking system is down")

    # The record has all of it, with names, and who may only look reads the same.
    desk = await browsers.one(**DESK)
    await desk.goto(f"{night.url}/sign-in")
    await enters(desk, "vera")
    await desk.get_by_role("link", name="Incidents").click()
    await desk.get_by_role("link", name="Booking system is down").first.click()
    timeline = desk.get_by_role("region", name="Timeline")
    for who, words in (
        ("Ana Lopes", "Acknowledged by Ana Lopes, by the link sent to ana."),
        ("ana", "The provider restarts its servers."),
        ("ana", "ana says that it is fixed."),
    ):
        line = timeline.get_by_role("listitem").filter(has_text=words)
        await expect(line).to_contain_text(who)
    await expect(timeline).to_contain_text("Told that it is over: ana.")
    written = desk.get_by_role("region", name="What people wrote")
    await expect(written).to_contain_text("Their certificate had expired overnight.")
    await keep(desk, "incident.png")


@pytest.fixture
def provider(deskwatch: Deskwatch, tmp_path: Path) -> Iterator[Glewlwyd]:
    """Where the company's people have accounts; our pages send them there."""
    with glewlwyd(tmp_path, Person("cem")) as running:
        running.leads_back_to(deskwatch.url)
        deskwatch.env["OIDC_SECRET"] = SECRET
        asked = {"issuer": running.issuer, "name": "the company account", "client_id": CLIENT}
        more = {"client_secret": "${env:OIDC_SECRET}", "role_claim": "groups", "roles": {"it": "operator"}}
        server = {"listen": f"127.0.0.1:{deskwatch.port}", "url": deskwatch.url, "oidc": asked | more}
        written = re.sub(r"server:\n.*\n", f"server: {json.dumps(server)}\n", deskwatch.config.read_text())
        check = {"kind": "internet.http", "url": f"{running.issuer}/.well-known/openid-configuration"}
        accounts = {"id": "accounts", "name": "Company accounts", "checks": [check]}
        deskwatch.write(f"{written}equipment: {json.dumps([accounts])}\n")
        yield running


async def test_an_administrator_lets_people_in_and_they_write_the_same_review(
    deskwatch: Deskwatch, target: Target, sink: Sink, provider: Glewlwyd, browsers: Browsers
) -> None:
    await joins(deskwatch, "ada", "admin")
    target.status = 503
    await deskwatch.start()

    async def told() -> bool:
        return bool(sink.messages)

    await until(told, "the fault of the booking system to be told")

    # The administrator: a second factor, an account for a colleague, and a token for a script.
    admin = await browsers.one(**DESK)
    await admin.goto(f"{deskwatch.url}/sign-in")
    await enters(admin, "ada")
    await admin.get_by_role("link", name="ada").click()
    factor = admin.get_by_role("region", name="Authenticator app")
    await factor.get_by_label("Current password").fill(PASSWORD)
    await factor.get_by_role("button", name="Switch it on").click()
    secret = re.sub(r"\s", "", await admin.locator("code").first.inner_text())
    await admin.get_by_label("Code").fill(totp.code(secret, int(datetime.now(UTC).timestamp()) // totp.STEP))
    await admin.get_by_role("button", name="Switch it on").click()
    await expect(admin.get_by_role("link", name="I have kept them")).to_be_visible()
    codes = await admin.get_by_role("listitem").all_inner_texts()
    await admin.get_by_role("button", name="Sign out").click()
    await enters(admin, "ada")
    await admin.get_by_label("Code").fill(codes[0])
    await admin.get_by_role("button", name="Sign in").click()
    await admin.get_by_text("More", exact=True).click()
    await admin.get_by_role("link", name="Users").click()
    form = admin.get_by_role("region", name="New user")
    await form.get_by_role("textbox", name=re.compile("^Name")).fill("ivo")
    await form.get_by_label("First password").fill(PASSWORD)
    await form.get_by_role("button", name="Add the user").click()
    ivo_there = admin.get_by_role("listitem").filter(has_text="ivo")
    await ivo_there.get_by_text("Change ivo").click()
    await ivo_there.get_by_label("They may").select_option("operator")
    await ivo_there.get_by_role("button", name="Change the role").click()
    await expect(ivo_there).to_contain_text("look and act")
    tokens = admin.get_by_role("region", name="Tokens")
    await tokens.get_by_label("What it is for").fill("laptop")
    await tokens.get_by_role("button", name="Make the token").click()
    token = await admin.get_by_role("region", name="The new token").locator("code").first.inner_text()
    await answers_programs(deskwatch, token)

    # Staff with a password, and staff of the company account.
    ivo, cem = await browsers.one(**DESK), await browsers.one(**DESK, locale="en")
    await ivo.goto(f"{deskwatch.url}/sign-in")
    await enters(ivo, "ivo")
    await comes_from_elsewhere(cem, deskwatch, "cem")

    # A silence: what it would hold back is shown before it begins.
    await ivo.get_by_role("link", name="Incidents").click()
    await ivo.get_by_role("link", name="Booking system is down").first.click()
    incident = ivo.url
    await ivo.get_by_role("link", name="Silence this").click()
    await ivo.get_by_label("Why").fill("The vendor knows.")
    await ivo.get_by_role("button", name="Show what it would silence").click()
    preview = ivo.get_by_role("region", name="This would be silent")
    await expect(preview.get_by_role("listitem")).to_contain_text(["Booking system"])
    await expect(preview).to_contain_text("wrong right now")
    await preview.get_by_role("button", name="Begin the silence").click()
    await expect(ivo.get_by_role("region", name="Silent now")).to_contain_text("The vendor knows.")

    # Why a check says what it says, and what it says now.
    await ivo.goto(f"{deskwatch.url}/checks/booking-system/http")
    reading = ivo.get_by_role("region", name="The newest reading")
    await expect(reading).to_contain_text("DOWN")
    await expect(ivo.get_by_role("region", name="Its rules")).to_contain_text("down fires")
    target.status = 200
    asked = target.asked
    await ivo.get_by_role("button", name="Run now").click()
    await expect(ivo.get_by_role("status").filter(has_text="It has just run")).to_be_visible()
    assert target.asked > asked
    await expect(reading).to_contain_text("UP")

    # Two write the same review; nobody writes over the other.
    for one in (ivo, cem):
        await one.goto(incident)
        await expect(one.get_by_text("Over", exact=True)).to_be_visible()
    await ivo.get_by_label("Root cause").fill("A deployment of the vendor.")
    await ivo.get_by_role("button", name="Save the review").click()
    await expect(ivo.get_by_role("region", name="What people wrote")).to_contain_text("A deployment of the vendor.")
    await cem.get_by_label("Root cause").fill("Their web server was full.")
    await cem.get_by_role("button", name="Save the review").click()
    clash = cem.get_by_role("alert", name="Somebody else has changed this meanwhile")
    for words in ("Now it says: A deployment of the vendor.", "You typed: Their web server was full."):
        await expect(clash).to_contain_text(words)
    both = "Their web server was full after a deployment of the vendor."
    await cem.get_by_label("Root cause").fill(both)
    await cem.get_by_role("button", name="Save the review").click()
    await expect(cem.get_by_role("region", name="What people wrote")).to_contain_text(both)

    # Who did what is written down.
    await admin.get_by_role("link", name="Audit log").click()
    for who, what in (("ivo", "silence begun"), ("cem@example.org", "incident reviewed"), ("ada", "token made")):
        await expect(admin.get_by_role("row").filter(has_text=what).first).to_contain_text(who)


async def joins(deskwatch: Deskwatch, name: str, role: str) -> None:
    """An account, made on the machine."""
    command = ("user", "add", name, str(deskwatch.config), "--role", role)
    ended = await asyncio.to_thread(CliRunner().invoke, cli, command, input=f"{PASSWORD}\n", env=deskwatch.env)
    assert ended.exit_code == 0, ended.output


async def enters(page: Page, name: str) -> None:
    """Sign in with name and password."""
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


async def comes_from_elsewhere(page: Page, deskwatch: Deskwatch, name: str) -> None:
    """Sign in at the provider, on its own pages."""
    await page.goto(f"{deskwatch.url}/sign-in")
    await page.get_by_role("link", name="Sign in with the company account").click()
    await page.get_by_label("Login").fill(name)
    await page.get_by_label("Password").fill(THERE)
    await page.get_by_role("button", name="OK").click()
    await page.get_by_label("E-mail").check()
    await page.get_by_role("button", name="Grant access").click()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("link", name=f"{name}@example.org")).to_be_visible()


async def answers_programs(deskwatch: Deskwatch, token: str) -> None:
    """The token opens the API, and the command line asks with it from afar; without it neither is answered."""
    url = f"{deskwatch.url}/api/v1/incidents"
    async with aiohttp.ClientSession() as client:
        async with client.get(url) as refused:
            assert refused.status == 401
        async with client.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
            assert (answer.status, "Booking system" in await answer.text()) == (200, True)
    asked = ("--server", deskwatch.url, "status")
    for given, status in ((token, 1), ("dwt_wrong", 2)):
        ended = await asyncio.to_thread(CliRunner().invoke, cli, asked, env={"DESKWATCH_TOKEN": given})
        assert (ended.exit_code, "down" in ended.output) == (status, status == 1), ended.output
