"""Lets a kind look at a web API once, and makes sure that no secret shows in what it says."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from peers.tcp import serving
from peers.web_api import WebApi

from probes import Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines


async def look(kind: type[Probe[Any]], api: WebApi, timeout: float = 60, **settings: Any) -> Measured:
    """What one run finds. `settings` may hold `{url}` for where the API is."""
    engines = Engines()
    try:
        async with serving(api.talk) as port:
            url = f"http://127.0.0.1:{port}"
            given = {
                name: value.replace("{url}", url) if isinstance(value, str) else value
                for name, value in settings.items()
            }
            found = await kind(kind.Params.model_validate({"url": url, **given}), engines).measure(timeout)
    except (Failed, Unmeasured) as error:
        assert "canary-" not in f"{error!r} {error.detail} {getattr(error, 'samples', '')}"
        raise
    finally:
        engines.close()
    assert "canary-" not in repr(found)
    assert {sample.metric for sample in found.samples} <= {metric.name for metric in kind.metrics}
    return found


async def down(kind: type[Probe[Any]], api: WebApi, timeout: float = 60, **settings: Any) -> Failed:
    """How the target fails."""
    with pytest.raises(Failed) as failed:
        await look(kind, api, timeout, **settings)
    assert failed.value.reason in {*kind.reasons, "timeout"}
    return failed.value


async def unknown(kind: type[Probe[Any]], api: WebApi, timeout: float = 60, **settings: Any) -> Unmeasured:
    """Why nothing can be said of the target."""
    with pytest.raises(Unmeasured) as unmeasured:
        await look(kind, api, timeout, **settings)
    return unmeasured.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    """The values by metric and part, without the beginning that all names share."""
    return {f"{s.metric.removeprefix('deskwatch_')}/{s.part}".removesuffix("/"): s.value for s in samples}


def values_of(metrics: Iterable[Metric]) -> Callable[[tuple[Sample, ...]], dict[str, float]]:
    """`values`, of samples of these metrics and no others."""
    declared = {metric.name for metric in metrics}

    def found(samples: tuple[Sample, ...]) -> dict[str, float]:
        assert {sample.metric for sample in samples} <= declared
        return values(samples)

    return found
