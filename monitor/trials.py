"""A test message to each destination, and what its provider says."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from alerting.apprise import open_channels
from alerting.channels import Channel
from monitor.config.model import Config
from monitor.notices import trial


async def tried(config: Config, destination: str) -> list[dict[str, Any]]:
    """Send a test message to one destination, or to all at once; what each provider said. Raises ValueError.

    For each: `destination`, `at`, the `outcome`, the provider's `words`, how many seconds it `took`, and `title` and
    `body` as they were sent.
    """
    if destination and destination not in config.destinations:
        known = ", ".join(config.destinations) or "none"
        raise ValueError(f"there is no destination `{destination}`; there are {known}")
    wanted = {id: url for id, url in config.destinations.items() if destination in ("", id)}
    channels = await open_channels(wanted)
    return list(await asyncio.gather(*(_tried(config, id, channel) for id, channel in channels.items())))


async def _tried(config: Config, destination: str, channel: Channel) -> dict[str, Any]:
    message = trial(config, destination, datetime.now(UTC))
    began = time.monotonic()
    delivery = await channel.send(message)
    took = time.monotonic() - began
    channel.close()
    title, body = channel.fitted(message.title, message.body)
    return {
        "destination": destination,
        "at": channel.shown,
        "outcome": delivery.outcome.value,
        "words": delivery.words,
        "took": round(took, 3),
        "title": title,
        "body": body,
    }


def trial_lines(result: Mapping[str, Any]) -> list[str]:
    """What became of a test message, in lines for people."""
    verdicts = {
        "accepted": "accepted",
        "retry": "rejected for now",
        "ambiguous": "no answer, it may still arrive",
        "dead": "rejected",
    }
    return [
        f"{result['destination']} at {result['at']}: {verdicts[result['outcome']]} after {result['took']:.1f} s",
        f"  the provider said: {result['words'] or 'nothing'}",
        "  the message as it was sent:",
        *(f"    {line}" for line in (result["title"], *result["body"].splitlines())),
    ]
