"""Real Alertmanagers, alone or as a cluster, that tell webhooks."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from peers import require


class Alertmanager:
    """A running server, to be told of alerts and asked what it knows."""

    def __init__(self, folder: Path, config: Path, port: int, gossip: int, others: Sequence[int]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = (
            require.program("prometheus-alertmanager"),
            f"--config.file={config}",
            f"--storage.path={folder}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--cluster.listen-address=127.0.0.1:{gossip}" if others else "--cluster.listen-address=",
            f"--cluster.advertise-address=127.0.0.1:{gossip}",
            *(f"--cluster.peer=127.0.0.1:{other}" for other in others),
            "--cluster.settle-timeout=1s",
            "--cluster.gossip-interval=20ms",
            "--cluster.peer-timeout=2s",
            "--cluster.pushpull-interval=1s",
            "--cluster.reconnect-interval=1s",
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(60):
            while not await self._is_ready():
                await asyncio.sleep(0.05)

    async def end(self, number: int = signal.SIGTERM) -> None:
        """Send a signal and wait for the end."""
        if self._process is not None:
            self._process.send_signal(number)
            await self._process.wait()
            self._process = None

    async def post(self, *alerts: Mapping[str, Any]) -> int:
        """Tell it of alerts; the status of its answer."""
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{self.url}/api/v2/alerts", json=alerts) as answer,
        ):
            return answer.status

    async def get(self, path: str) -> Any:
        """What it answers to GET /api/v2/..."""
        async with aiohttp.ClientSession() as client, client.get(f"{self.url}/api/v2/{path}") as answer:
            return await answer.json()

    async def silence(self, label: str, value: str, starts: str, ends: str) -> str:
        """Begin a silence; its id."""
        matcher = {"name": label, "value": value, "isRegex": False, "isEqual": True}
        body = {"matchers": [matcher], "startsAt": starts, "endsAt": ends, "createdBy": "test", "comment": "test"}
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{self.url}/api/v2/silences", json=body) as answer,
        ):
            found: str = (await answer.json())["silenceID"]
            return found

    async def unsilence(self, id: str) -> None:
        """End a silence."""
        async with aiohttp.ClientSession() as client, client.delete(f"{self.url}/api/v2/silence/{id}") as answer:
            answer.raise_for_status()

    async def _is_ready(self) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession() as client, client.get(f"{self.url}/-/ready") as answer:
                return answer.status == 200
        return False


@contextlib.asynccontextmanager
async def alertmanagers(
    folder: Path, ports: Sequence[int], webhooks: Mapping[str, str], repeat: str = "4h"
) -> AsyncIterator[tuple[Alertmanager, ...]]:
    """A cluster with a member for every two of `ports`; `webhooks` are addresses, each with a token or ""."""
    config = folder / "alertmanager.yml"
    config.write_text(yaml.safe_dump(_config(webhooks, repeat)))
    gossip = ports[1::2]
    members = tuple(
        Alertmanager(folder / f"am{port}", config, port, own, [one for one in gossip if one != own])
        for port, own in zip(ports[::2], gossip, strict=True)
    )
    try:
        await asyncio.gather(*(member.start() for member in members))
        yield members
    finally:
        for member in members:
            await member.end()


def _config(webhooks: Mapping[str, str], repeat: str) -> dict[str, Any]:
    hooks = []
    for url, token in webhooks.items():
        hook: dict[str, Any] = {"url": url, "send_resolved": True}
        if token:
            hook["http_config"] = {"authorization": {"credentials": token}}
        hooks.append(hook)
    route = {"receiver": "hooks", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
    return {
        "route": {**route, "repeat_interval": repeat},
        "receivers": [{"name": "hooks", "webhook_configs": hooks}],
    }
