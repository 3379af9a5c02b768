"""A real Prometheus that scrapes one target every few seconds, and may have rules and somebody to tell."""

import asyncio
import contextlib
import json
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
async def prometheus(
    folder: Path,
    port: int,
    target: str = "",
    rules: Path | None = None,
    alertmanager: str = "",
    token: str = "",
    every: str = "1s",
) -> AsyncIterator[Prometheus]:
    """Scrapes http://`target`/metrics, or takes what it is sent if there is no target, and stores under `folder`.

    `rules` may be a pattern; they are evaluated as often as the target is scraped. `alertmanager` is the host and port
    that alerts go to, with the bearer token if there is one, every two seconds.
    """
    binary = require.program("prometheus")
    config = folder / "prometheus.yml"
    scrape = {"job_name": "deskwatch", "static_configs": [{"targets": [target]}]}
    receiver = {"static_configs": [{"targets": [alertmanager]}], "authorization": {"credentials": token}}
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
                "scrape_configs": [scrape] if target else [],
                "rule_files": [str(rules)] if rules else [],
                "alerting": {"alertmanagers": [receiver] if alertmanager else []},
            }
        )
    )
    process = await asyncio.create_subprocess_exec(
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--rules.alert.resend-delay=2s",
        *([] if target else ["--web.enable-remote-write-receiver"]),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        await process.wait()
