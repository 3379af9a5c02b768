"""The history of a check or an asset as the paths of small SVG pictures, each with the same in words."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from incidents.availability import Availability
from language import gettext, ngettext
from monitor.history import Rollup
from monitor.web.past_days import Day
from monitor.web.words import amount, length
from probes import Metric, Reading

WIDTH, HEIGHT = 1000, 200
"""The units that a chart is drawn in; the page stretches them."""

_HEADROOM = 0.95
_LEAST = 4
"""The least height of an outage in the bar of its day, of 40: a minute must be seen, too."""
_DAY_HEIGHT, _DAY_WIDTH, _DAY_BAR = 40, 10, 8


class Point(NamedTuple):
    """What was measured in a piece of time: what was usual in it, and what was high."""

    start: datetime
    end: datetime
    usual: float
    high: float


class Chart(NamedTuple):
    """`area` draws what was high, `line` what was usual; `top` is the upper end of the scale."""

    area: str
    line: str
    top: str
    words: str


class Piece(NamedTuple):
    """One phase of a run: where its bar begins and how long it is, in thousandths of the whole, and its length."""

    name: str
    begin: float
    width: float
    text: str


class Bars(NamedTuple):
    """A bar for each day: for each colour the path that draws it, the same in words, and the days with an outage."""

    paths: tuple[tuple[str, str], ...]
    words: str
    bad: tuple[Day, ...]
    width: int


def of_rollups(rollups: Iterable[Rollup]) -> tuple[Point, ...]:
    """The median and the 95th percentile of latencies, in seconds."""
    return tuple(
        Point(one.start, one.start + timedelta(seconds=one.step), one.quantile(0.5), one.quantile(0.95))
        for one in rollups
    )


def chart(points: Sequence[Point], start: datetime, end: datetime, unit: str) -> Chart | None:
    """Points on a scale of time from `start` to `end`; None where nothing was measured."""
    if not points:
        return None
    top = max(point.high for point in points) / _HEADROOM or 1.0
    area, line = [], []
    for point in points:
        begin, stop = (_across(at, start, end) for at in (point.start, point.end))
        usual, high = (HEIGHT * (1 - value / top) for value in (point.usual, point.high))
        area.append(f"M{begin:.1f} {HEIGHT}V{high:.1f}H{stop:.1f}V{HEIGHT}z")
        line.append(f"M{begin:.1f} {usual:.1f}H{stop:.1f}")
    usually = sorted(point.usual for point in points)[len(points) // 2]
    highest = max(point.high for point in points)
    words = gettext("usually {usual}, at most {most}", usual=amount(usually, unit), most=amount(highest, unit))
    return Chart("".join(area), "".join(line), amount(top, unit), words)


def phases(reading: Reading | None, metrics: Iterable[Metric]) -> tuple[Piece, ...]:
    """How a run spent its time, for kinds that measure that, one phase after the other."""
    order = {
        (metric.name, part): number
        for metric in metrics
        if metric.part == "phase" and metric.unit == "seconds"
        for number, part in enumerate(metric.parts)
    }
    samples = reading.samples if reading is not None else ()
    found = sorted(
        (one for one in samples if (one.metric, one.part) in order and one.value >= 0),
        key=lambda one: order[one.metric, one.part],
    )
    whole = sum(one.value for one in found)
    if not 0 < whole < float("inf"):
        return ()
    pieces, begin = [], 0.0
    for one in found:
        width = WIDTH * one.value / whole
        pieces.append(Piece(one.part, begin, width, amount(one.value, "seconds")))
        begin += width
    return tuple(pieces)


def bars(days: Sequence[Day]) -> Bars:
    """Days, oldest first, as they are drawn and said."""
    bad = tuple(day for day in reversed(days) if day.found.down)
    drawn = (("unknown", _drawn(days, _unknown)), ("up", _drawn(days, _up)), ("down", _drawn(days, _down)))
    return Bars(tuple(one for one in drawn if one[1]), _said(days, bad), bad, _DAY_WIDTH * len(days))


def _across(at: datetime, start: datetime, end: datetime) -> float:
    return min(max((at - start) / (end - start), 0.0), 1.0) * WIDTH


def _unknown(found: Availability) -> tuple[float, float]:
    """Behind the others where anything is not known."""
    return 0, _DAY_HEIGHT if found.unknown else 0


def _up(found: Availability) -> tuple[float, float]:
    """From and to which height the bar of a day is drawn as up, from the bottom."""
    return 0, _DAY_HEIGHT * found.up / found.total if found.total else 0


def _down(found: Availability) -> tuple[float, float]:
    """The same for down, from the top."""
    height = max(_DAY_HEIGHT * found.down / found.total, _LEAST) if found.down else 0
    return _DAY_HEIGHT - height, _DAY_HEIGHT


def _drawn(days: Sequence[Day], part: Callable[[Availability], tuple[float, float]]) -> str:
    found = []
    for number, day in enumerate(days):
        low, high = part(day.found)
        if high > low:
            left = number * _DAY_WIDTH
            top, bottom = (round(_DAY_HEIGHT - edge, 1) for edge in (high, low))
            found.append(f"M{left} {top:g}h{_DAY_BAR}V{bottom:g}h-{_DAY_BAR}z")
    return "".join(found)


def _said(days: Sequence[Day], bad: Sequence[Day]) -> str:
    if not any(day.found.known for day in days):
        return gettext("not known")
    said, missing = _outages(bad), sum(not day.found.known for day in days)
    if not missing:
        return said
    unknown = ngettext("nothing known of {number} day", "nothing known of {number} days", missing)
    return f"{said}; {unknown}"


def _outages(bad: Sequence[Day]) -> str:
    if not bad:
        return gettext("no outage")
    lasted = length(sum((day.found.down for day in bad), timedelta()))
    return ngettext(
        "outages on {number} day, {length} in all", "outages on {number} days, {length} in all", len(bad), length=lasted
    )
