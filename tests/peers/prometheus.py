"""A real Prometheus that scrapes one target every second."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from peers import require


class Prometheus:
    """A running server; `query` asks it in PromQL."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    async def query(self, promql: str) -> list[dict[str, Any]]:
        """The instant vector of a query, [] while the server is not ready."""
        try:
            async with (
                aiohttp.ClientSession() as client,
                client.get(f"{self.url}/api/v1/query", params={"query": promql}) as answer,
            ):
                body = await answer.json()
        except (aiohttp.ClientError, ValueError):
            return []
        result: list[dict[str, Any]] = body.get("data", {}).get("result", [])
        return result


@contextlib.asynccontextmanager
async def prometheus(folder: Path, port: int, target: str) -> AsyncIterator[Prometheus]:
    """Scrapes http://`target`/metrics and stores under `folder`."""
    binary = require.program("prometheus")
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: deskwatch, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    process = await asyncio.create_subprocess_exec(
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        await process.wait()
