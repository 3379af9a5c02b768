"""Every kind that is given secrets, with peers that are well, that refuse, that say back what they hear, and that die.

Whatever the process writes meanwhile holds none of the secrets: neither those that it was given, nor those in answers.
"""

import base64
import inspect
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from peers.canaries import canary
from peers.certificates import Authority
from peers.confidants import CONFIDANTS
from peers.echo import echoing
from peers.stage import Secret, Settings, Stage
from pydantic import BaseModel, SecretStr
from stories.conftest import Deskwatch, Sink, until

from monitor.config import load as load_config
from monitor.config.masked import shown
from monitor.reading import read
from probes import kinds, load
from probes._engines import Engines


@dataclass
class Given:
    """The secrets that a site is given, by the names of the variables that hold them."""

    values: dict[str, str] = field(default_factory=dict)

    def reference(self, secret: str) -> str:
        """How the site refers to it."""
        name = f"SECRET_{len(self.values)}"
        self.values[name] = secret
        return f"${{env:{name}}}"

    def written(self, settings: Any, change: Callable[[str], str] = str, ports: Mapping[int, int] | None = None) -> Any:
        """Settings as a file has them, with changed secrets, and towards other ports."""
        moved = ports or {}
        match settings:
            case Secret():
                return self.reference(change(_towards(settings, moved)))
            case str():
                return _towards(settings, moved)
            case dict():
                return {name: self.written(value, change, moved) for name, value in settings.items()}
            case list():
                return [self.written(value, change, moved) for value in settings]
            case int():
                return moved.get(settings, settings)
        return settings


def _towards(text: str, ports: Mapping[int, int]) -> str:
    for port, other in ports.items():
        text = re.sub(rf":{port}\b", f":{other}", text)
    return text


def wrong(secret: str) -> str:
    """Another secret, of the same form."""
    return secret.replace("canary-", "canary-wrong-").replace("7193", "1234")


@pytest.fixture
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("peers")
    async with AsyncExitStack() as stack:
        yield Stage(stack, Authority(folder), folder)


def test_secrets_are_found_in_base64_wherever_they_stand_in_it() -> None:
    for user in ("", "a", "ab", "abc"):
        assert found_in(base64.b64encode(f"{user}{canary('password')}".encode()))


def test_every_kind_that_is_given_secrets_has_somebody_to_tell_them() -> None:
    asked = {kind for kind in kinds() if any(_secrets(load(kind).Params))}
    assert asked - set(CONFIDANTS) == set(), "add a peer for it in tests/peers/confidants.py"
    assert set(CONFIDANTS) - asked == set()


def _secrets(model: type[BaseModel]) -> Iterator[str]:
    for name, setting in model.model_fields.items():
        if any(issubclass(one, SecretStr) or any(_secrets(one)) for one in _classes(setting.annotation)):
            yield name


def _classes(annotation: Any) -> Iterator[Any]:
    if inspect.isclass(annotation) and issubclass(annotation, (SecretStr, BaseModel)):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _classes(argument)


@pytest.mark.parametrize("kind", CONFIDANTS)
async def test_a_kind_does_not_repeat_what_a_peer_says_back(
    kind: str, stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    given, engines = Given(), Engines()
    settings = await CONFIDANTS[kind](stage)
    echo = await stage.stack.enter_async_context(echoing(stage.authority.issue().context()))
    ports = {port: echo[how] for port, how in stage.echoed.items()}
    references = given.written(settings, ports=ports)
    for name, value in given.values.items():
        monkeypatch.setenv(name, value)
    params = load(kind).Params.model_validate(references)
    try:
        for _ in range(ANSWERS if set(stage.echoed.values()) & {"tcp", "tls"} else 1):
            probe = load(kind)(params, engines)
            probe.check = "asset/check"
            said = (
                f"{await read(probe.check, probe, 0.25)!r} {params!r} {params.target} {engines.memory.take_changed()}"
            )
            assert found_in(said.encode()) == []
    finally:
        engines.close()
    assert found_in(caplog.text.encode()) == []


ANSWERS = 16
"""Ways in which the echo answers."""


async def test_no_secret_leaves_the_process(
    deskwatch: Deskwatch, sink: Sink, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Given()
    echo = await stage.stack.enter_async_context(echoing(stage.authority.issue().context()))
    deskwatch.write(await site(stage, given, echo, sink))
    for name, value in given.values.items():
        monkeypatch.setenv(name, value)
    deskwatch.env |= given.values
    await deskwatch.start()
    service = Service(deskwatch, given.values["SECRET_0"])

    await strangers(deskwatch, given)
    await until(lambda: service.has_looked(after=0), "every check to have looked", 120, every=1.5)
    await until(service.is_let_in, "every check with the right secrets to be up", 120, every=1.5)
    states = await service.states()
    assert sum(states[f"{kind}/wrong"] != "up" for kind in CONFIDANTS) > len(CONFIDANTS) / 2

    await stage.stack.aclose()
    gone = await service.newest()
    await until(lambda: service.has_looked(after=gone), "every check to have looked again", 120, every=1.5)
    await until(lambda: _told(sink), "messages")

    written = await everything(deskwatch, service, sink)
    assert await deskwatch.end() == 0
    written |= {"output": deskwatch.printed.encode(), **files(deskwatch.folder)}
    assert {name: found for name, text in written.items() if (found := found_in(text))} == {}


async def strangers(deskwatch: Deskwatch, given: Given) -> None:
    """The job that pings does; others try keys, links and tokens that are not theirs."""
    assert (await deskwatch.get(f"/ping/{given.values['PING']}"))[0] == 200
    for path in ("/ping/{}", "/act/{}", "/sign-in?token={}", "/metrics?token={}", "/probe?module=a&target={}"):
        assert (await deskwatch.get(path.format(canary("guessed"))))[0] < 500
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {canary('guessed')}"}) as client:
        for path in ("/metrics", "/-/reload", "/sign-in"):
            async with client.post(deskwatch.url + path, data={"token": canary("guessed")}) as answer:
                assert answer.status >= 400


async def _told(sink: Sink) -> bool:
    return len(sink.messages) > 3


def found_in(text: bytes) -> list[str]:
    """The words in a text that look like secrets, in clear or in base64."""
    return sorted({word.decode() for word in SECRETS.findall(text)})


SECRETS = re.compile(rb"(?:canary-|Y2FuYXJ5|YW5hcnkt|bmFyeS[0-3])[A-Za-z0-9+/=-]*")
"""What they all have in common: in clear, and in base64 for each way to fall in with its groups of three."""


def of(kind: str) -> str:
    """The asset of a kind."""
    return re.sub("[._]", "-", kind)


async def site(stage: Stage, given: Given, echo: Mapping[str, int], sink: Sink) -> str:
    """A site with three checks of every kind: one that is let in, one with wrong secrets, one that talks to an echo."""
    token = given.reference(canary("server-token"))
    assets: list[Settings] = []
    for kind, come in CONFIDANTS.items():
        settings = await come(stage)
        ports = {port: echo[how] for port, how in stage.echoed.items()}
        if kind == "rooms.readiness":
            settings |= {"needs": ["rooms-pjlink/good"]}
        if kind == "passive.heartbeat":
            given.values["PING"] = settings["key"]
        checks = {
            "good": given.written(settings),
            "wrong": given.written(settings, wrong),
            "echo": given.written(settings, lambda secret: secret.replace("canary-", "canary-echo-"), ports),
        }
        listed = [{"kind": kind, "name": name, **settings} for name, settings in checks.items()]
        assets.append({"id": of(kind), "name": kind, "checks": listed})
    chat = given.reference(f"json://desk:{canary('chat')}@{sink.address}/{canary('hook')}")
    lost = given.reference(f"json://desk:{canary('lost')}@127.0.0.1:{echo['tcp']}/{canary('lost-hook')}")
    return yaml.safe_dump(
        {
            "site": {"id": "harbour", "timezone": "Europe/Lisbon"},
            "server": {"listen": "127.0.0.1:PORT", "token": token},
            "defaults": {"interval": "10s", "timeout": "5s", "confirm": {"times": 1, "gap": "100ms"}},
            "services": assets,
            "people": [{"id": "ana", "to": lost}],
            "routes": [{"id": "chat", "to": chat}, {"id": "pager", "steps": [{"to": ["ana"]}]}],
            "watchdog": {"to": given.reference(f"http://127.0.0.1:{echo['tcp']}/{canary('watch')}"), "interval": "5s"},
            "alertmanager": {
                "urls": [f"http://127.0.0.1:{echo['tcp']}"],
                "authorization": given.reference(f"Bearer {canary('alertmanager')}"),
            },
            "remote_write": {
                "url": f"http://127.0.0.1:{echo['tcp']}/api/v1/write",
                "username": "desk",
                "password": given.reference(canary("remote-write")),
                "interval": "5s",
            },
        },
        sort_keys=False,
    )


class Service:
    """What a program and a person who signed in can read of the service."""

    def __init__(self, deskwatch: Deskwatch, token: str) -> None:
        self._deskwatch = deskwatch
        self._headers = {"Authorization": f"Bearer {token}"}

    async def metrics(self, accept: str = "text/plain") -> str:
        """The metrics in one of the formats."""
        headers, url = {**self._headers, "Accept": accept}, f"{self._deskwatch.url}/metrics"
        async with aiohttp.ClientSession(headers=headers) as client, client.get(url) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.text()

    async def newest(self) -> float:
        """When the newest run of any check began."""
        return max((await self._runs()).values())

    async def has_looked(self, after: float) -> bool:
        """Whether every check has begun a run and ended it since then."""
        runs = await self._runs()
        return len(runs) == 3 * len(CONFIDANTS) and all(run > after for run in runs.values())

    async def _runs(self) -> dict[str, float]:
        found = re.findall(r"deskwatch_check_last_run_timestamp_seconds\{(.*?)\} (\S+)", await self.metrics())
        return {labels: float(at) for labels, at in found}

    async def states(self) -> dict[str, str]:
        """The state of every check, by kind and name."""
        found = re.findall(r"deskwatch_check_status\{(.*?)\} 1", await self.metrics())
        labels = [dict(re.findall(r'(\w+)="(.*?)"', one)) for one in found]
        return {f"{one['kind']}/{one['check'].partition('/')[2]}": one["status"] for one in labels}

    async def is_let_in(self) -> bool:
        """Whether those checks are up that have the right secrets."""
        states = await self.states()
        return all(state == "up" for check, state in states.items() if check.endswith("/good"))

    async def pages(self) -> dict[str, bytes]:
        """All that can be reached from the board, to whoever has signed in."""
        seen: dict[str, bytes] = {}
        waiting = ["/", "/incidents", "/deliveries", "/silences", "/maintenance", "/on-call", "/why"]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            token = self._deskwatch.link.partition("token=")[2]
            async with client.post(f"{self._deskwatch.url}/sign-in", data={"token": token}) as answer:
                assert answer.status == 200, await answer.text()
            while waiting:
                path = waiting.pop()
                async with client.get(self._deskwatch.url + path) as answer:
                    seen[path] = body = await answer.read()
                links = re.findall(r'href="(/[^"#]*)"', body.decode())
                waiting += {link for link in links if link not in seen} - {*waiting}
        return seen


async def everything(deskwatch: Deskwatch, service: Service, sink: Sink) -> dict[str, bytes]:
    """All that can be read of the service while it runs."""
    found = await service.pages()
    assert len(found) > 2 * len(CONFIDANTS)
    for accept in ("text/plain", "application/openmetrics-text"):
        found[f"metrics as {accept}"] = (await service.metrics(accept)).encode()
    found["messages"] = json.dumps(sink.messages).encode()
    for command in COMMANDS:
        _, output = await deskwatch.types(*command)
        assert output
        found[" ".join(command)] = output.encode()
    found["the configuration"] = repr(shown(load_config(deskwatch.config))).encode()
    return found


COMMANDS = (
    ("check", "site.yaml"),
    ("status", "--json"),
    ("incidents", "list", "--json"),
    ("why", "rooms-pjlink/good"),
    ("probe", "internet.http", "url=http://127.0.0.1:9/", "bearer=${env:SECRET_0}", "--json"),
)


def files(folder: Path) -> dict[str, bytes]:
    """What it left on the disk."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
