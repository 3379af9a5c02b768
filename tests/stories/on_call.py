"""What stories of being on call are told with: a building that breaks, everybody's phone, and who looks at pages."""

import asyncio
import contextlib
import html
import json
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple, Protocol

import aiohttp
from aiohttp import web
from peers.service import until
from typer.testing import CliRunner

from monitor.cli import cli

PEOPLE = ("ana", "ben", "chat", "desk")


class Service(Protocol):
    """A Deskwatch that may run."""

    url: str
    link: str
    env: dict[str, str]


class Message(NamedTuple):
    """What somebody reads."""

    title: str
    body: str

    def __str__(self) -> str:
        return f"{self.title}\n{self.body}"

    @property
    def link(self) -> str:
        """Where it can be answered with one tap."""
        found = re.search(r"Answer with one tap: (\S+)", self.body)
        assert found, f"no link in {self}"
        return found[1]


class Building:
    """All that is watched, at one address: whatever is `broken` answers its path with 503."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.address = ""

    async def answer(self, request: web.Request) -> web.Response:
        thing = request.path.strip("/")
        self.asked[thing] += 1
        return web.Response(status=503 if thing in self.broken else 200)

    def breaks(self, *things: str) -> None:
        self.broken |= {*things}

    def works_again(self, *things: str) -> None:
        self.broken -= {*things}

    async def is_asked(self, thing: str, times: int) -> None:
        """Wait until a thing was looked at so many more times; the second of them began after this did."""
        before = self.asked[thing]

        async def looked() -> bool:
            return self.asked[thing] >= before + times

        await until(looked, f"{times} more looks at {thing}")


class Phones:
    """The providers by which everybody is told. Each takes messages, unless it `refuses` them or `hangs`."""

    def __init__(self) -> None:
        self.address = ""
        self._refused: Counter[str] = Counter()
        self._heard: defaultdict[str, list[Message]] = defaultdict(list)
        self._refusing: dict[str, tuple[int, str]] = {}
        self._hanging: set[str] = set()

    @property
    def env(self) -> dict[str, str]:
        return {who.upper(): f"json://{self.address}/{who}" for who in PEOPLE}

    async def take(self, request: web.Request) -> web.Response:
        who = request.path.strip("/")
        said = await request.json()
        if who in self._refusing:
            self._refused[who] += 1
            status, words = self._refusing[who]
            return web.Response(status=status, text=words)
        self._heard[who].append(Message(said["title"], said["message"]))
        if who in self._hanging:
            await asyncio.sleep(3600)
        return web.Response()

    def refuses(self, who: str, status: int, words: str) -> None:
        """Refuses from now on; what it has refused before does not count."""
        self._refusing[who] = (status, words)
        self._refused[who] = 0

    def hangs(self, who: str) -> None:
        """Takes messages and never says so."""
        self._hanging.add(who)

    def works_again(self, who: str) -> None:
        self._refusing.pop(who, None)
        self._hanging.discard(who)

    def read(self, who: str, words: str = "") -> list[Message]:
        """What somebody has heard that has these words."""
        return [message for message in self._heard[who] if words in str(message)]

    def titles(self, who: str) -> list[str]:
        return [message.title for message in self._heard[who]]

    async def hears(self, who: str, words: str, times: int = 1) -> Message:
        """Wait until somebody has heard something with these words so many times; the last of them."""

        async def heard() -> bool:
            return len(self.read(who, words)) >= times

        await until(heard, f"{who} to hear {words!r} {times} times; everybody heard {dict(self._heard)}")
        return self.read(who, words)[times - 1]

    async def refuses_one(self, who: str) -> None:
        """Wait until somebody's provider has refused a message since it began to."""

        async def refused() -> bool:
            return self._refused[who] > 0

        await until(refused, f"a refused message to {who}")


class Visitor:
    """Somebody who looks at the pages."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self._client = client
        self._url = url

    async def reads(self, path: str) -> str:
        """The words of a page."""
        async with self._client.get(self._url + path) as answer:
            return words(await answer.text())

    async def sends(self, page: str, action: str, **fields: str) -> str:
        """Fill in a form of a page; the words of the page that it leads to."""
        async with self._client.get(self._url + page) as answer:
            key = re.search(r'name="form_key" value="([^"]+)"', await answer.text())
        assert key, f"no form on {page}"
        async with self._client.post(self._url + action, data={"form_key": key[1], **fields}) as answer:
            return words(await answer.text())


@contextlib.asynccontextmanager
async def signed_in(service: Service) -> AsyncIterator[Visitor]:
    """Somebody who has used the link that the service printed."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        token = service.link.partition("token=")[2]
        async with client.post(f"{service.url}/sign-in", data={"token": token}) as answer:
            assert answer.ok, await answer.text()
        yield Visitor(client, service.url)


async def opens(link: str) -> str:
    """The words of the page behind a message's link, on a phone that is signed in nowhere."""
    async with aiohttp.ClientSession() as client, client.get(link) as answer:
        return words(await answer.text())


async def taps(link: str, action: str) -> tuple[int, str]:
    """Press a button of the page behind a message's link: the status and the words that follow."""
    form = {"token": link.rpartition("/")[2], "action": action}
    url = link.partition("/act/")[0]
    async with aiohttp.ClientSession() as client, client.post(f"{url}/act", data=form) as answer:
        return answer.status, words(await answer.text())


async def types(service: Service, *command: str) -> tuple[int, str]:
    """Exit status and output of a command; it runs here, as another interpreter would cost a second of time."""
    ended = await asyncio.to_thread(CliRunner().invoke, cli, list(command), env=service.env)
    return ended.exit_code, ended.output


async def incidents(service: Service, site: str) -> Mapping[str, Any]:
    """The newest incident of every asset, as the command line shows it."""
    listed = json.loads((await types(service, "incidents", "list", site, "--json"))[1])
    return {one["asset"]: one for one in reversed(listed)}


def words(page: str) -> str:
    """What a person reads of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def site(building: Building, *sections: str) -> str:
    """The configuration of a site in the building, with these sections."""
    return "".join((SITE, *sections)).replace("BUILDING", building.address)


def thing(id: str, name: str, more: str = "") -> str:
    """An entry of a section of the site: something in the building at BUILDING, looked at every second."""
    check = f'{{kind: internet.http, url: "http://BUILDING/{id}"}}'
    return f"  - {{id: {id}, name: {name}, checks: [{check}]{more and f', {more}'}}}\n"


SITE = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon}
server: {listen: "127.0.0.1:PORT", url: "http://127.0.0.1:PORT"}
defaults: {interval: 1s, timeout: 1s, confirm: {times: 4, gap: 100ms}}
people:
  - {id: ana, name: Ana Lopes, to: "${env:ANA}"}
  - {id: ben, name: Ben Sousa, to: "${env:BEN}"}
"""
"""A site without anything to watch and without routes yet. It looks often before it believes in a fault, as the
building may be too busy to answer in time."""
