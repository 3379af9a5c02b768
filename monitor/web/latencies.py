"""How long a check took over a day, and what it lost, as charts."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from monitor.config.model import Check
from monitor.reports import series
from monitor.store import rollups
from monitor.web import charts, views
from probes import load

_HOUR = timedelta(hours=1)


class LastDay(NamedTuple):
    """The latencies of a check in the last 24 hours, in pieces of `step` seconds, and its losses by the hour.

    None where nothing is known, or the kind measures no loss.
    """

    check: Check
    latency: charts.Chart | None
    loss: charts.Chart | None


async def last_day(conn: AsyncConnection, check: Check, step: int, now: datetime) -> LastDay:
    """Read and draw them; `step` is one of those that rollups have. Raises StoreError."""
    day = now - views.DAY
    losses = {metric.name for metric in load(check.kind).metrics if metric.name.endswith("_loss_ratio")}
    latencies = await rollups.between(conn, check.id, step, day, now)
    lost = await series.hourly(conn, [check.id], losses, day, now) if losses else {}
    hours = next(iter(lost.values()), ())
    points = [charts.Point(one.start, one.start + _HOUR, one.mean, one.most) for one in hours]
    latency = charts.chart(charts.of_rollups(latencies), day, now, "seconds")
    return LastDay(check, latency, charts.chart(points, day, now, "ratio"))
