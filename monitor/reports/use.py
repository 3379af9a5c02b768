"""The parts of a memo about how the space was used: people on the Wi-Fi, rooms, lines against their contracts."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from statistics import fmean, quantiles

from incidents.messages import figure, percent
from incidents.windows import open_hours
from language import gettext
from monitor.config.model import Asset
from monitor.recording import HOUR
from monitor.reports.document import Bar, Bars, Block, Figure, Figures, Mark, Paragraph, Section, Table, columns
from monitor.reports.facts import Facts
from monitor.reports.series import Hour

CLIENTS = "deskwatch_wifi_clients"
BOOKED, IN_USE = "deskwatch_room_booked", "deskwatch_room_in_use"
BOOKINGS = "deskwatch_booking_events_today"
THROUGHPUT = "deskwatch_throughput_bits_per_second"
HEADROOM = "deskwatch_headroom_bits_per_second_per_person"
NEEDED = 25e6
"""Bits per second that a person needs."""

METRICS = (CLIENTS, BOOKED, IN_USE, BOOKINGS, THROUGHPUT, HEADROOM)
"""The metrics whose hours these parts are made from."""

TIGHT = 0.8
"""A line that gives less than this share of its contract is worth a word."""


def section(facts: Facts) -> Section | None:
    """How the space was used, None where nothing measures that."""
    blocks: list[Block] = [*_clients(facts), *_rooms(facts)]
    return Section(gettext("How the space was used"), tuple(blocks)) if blocks else None


def lines(facts: Facts) -> Section | None:
    """What the lines to the internet were worth, None where nothing measures that."""
    rows = [row for asset in facts.config.assets if asset.uplink for row in _line_rows(facts, asset)]
    blocks: list[Block] = []
    if rows:
        names = columns(gettext("line | direction | median | slowest tenth | contract | share of contract"))
        blocks.append(Table(names, tuple(rows), gettext("Throughput against contract")))
    if each := _headroom(facts):
        blocks.append(Figures((each,)))
    return Section(gettext("Internet"), tuple(blocks)) if blocks else None


def peak(facts: Facts) -> float | None:
    """The most devices that were on the Wi-Fi at one time; None where nothing measured it."""
    return max((one.most for hours in _hours(facts, CLIENTS) for one in hours), default=None)


def bookings(facts: Facts) -> int | None:
    """The bookings of the time, day by day as the platform or a calendar told them; None where nothing told any."""
    days = defaultdict[date, float](float)
    for one in (one for hours in _hours(facts, BOOKINGS) for one in hours):
        day = one.start.astimezone(facts.zone).date()
        days[day] = max(days[day], one.most)
    return round(sum(days.values())) if days else None


def _clients(facts: Facts) -> Iterator[Block]:
    """Devices by hour of the day, on the days on which the site was open."""
    by_hour = defaultdict[int, list[float]](list)
    window = open_hours(facts.config.site.hours, facts.start, facts.end)
    for hours in _hours(facts, CLIENTS):
        for one in hours:
            if window.inside(one.start, one.start + HOUR):
                by_hour[one.start.astimezone(facts.zone).hour].append(one.mean)
    if by_hour:
        shown = range(min(by_hour), max(by_hour) + 1)
        bars = tuple(_bar(hour, by_hour[hour]) for hour in shown)
        yield Bars(gettext("Devices on the Wi-Fi by hour of the day, on average while open"), bars)


def _bar(hour: int, values: Sequence[float]) -> Bar:
    if not values:
        return Bar(f"{hour:02}", None, gettext("not measured"), Mark.UNKNOWN)
    return Bar(f"{hour:02}", fmean(values), f"{fmean(values):.0f}")


def _rooms(facts: Facts) -> Iterator[Block]:
    """How much of the open hours each room was booked, and of that how much it was used."""
    rows = [row for asset in facts.config.assets if asset.section == "rooms" and (row := _room(facts, asset))]
    if rows:
        rows.sort(key=lambda row: row[1], reverse=True)
        shown = tuple((name, percent(booked), "-" if used is None else percent(used)) for name, booked, used in rows)
        title = gettext("Rooms, as shares of the open hours that were measured")
        yield Table(columns(gettext("room | booked | in use")), shown, title)


def _room(facts: Facts, asset: Asset) -> tuple[str, float, float | None] | None:
    booked, used = _share(facts, asset, BOOKED), _share(facts, asset, IN_USE)
    return None if booked is None else (asset.name, booked, used)


def _share(facts: Facts, asset: Asset, metric: str) -> float | None:
    """The mean of a metric that is 0 or 1 over the open hours; None where it was not measured."""
    window = open_hours(facts.config.site.hours, facts.start, facts.end)
    found = [
        (one.mean, window.inside(one.start, one.start + HOUR).total_seconds())
        for hours in _hours(facts, metric, asset)
        for one in hours
    ]
    weight = sum(seconds for _, seconds in found)
    return sum(value * seconds for value, seconds in found) / weight if weight else None


def _line_rows(facts: Facts, asset: Asset) -> Iterator[tuple[str | float | None, ...]]:
    if asset.uplink is None:
        return
    for direction, promised in (("down", asset.uplink.contract.down), ("up", asset.uplink.contract.up)):
        values = _rates(facts, asset, direction)
        if values:
            median, slow = _median(values), quantiles(values, n=10)[0] if len(values) > 1 else values[0]
            share = percent(median / promised) if promised else "-"
            contract = figure(THROUGHPUT, promised) if promised else "-"
            yield asset.name, direction, figure(THROUGHPUT, median), figure(THROUGHPUT, max(slow, 0)), contract, share


def _headroom(facts: Facts) -> Figure | None:
    """What each person had at the worst hour while the site was open."""
    window = open_hours(facts.config.site.hours, facts.start, facts.end)
    values = [
        one.least for hours in _hours(facts, HEADROOM) for one in hours if window.inside(one.start, one.start + HOUR)
    ]
    if not values:
        return None
    worst = min(values)
    mark = Mark.GOOD if worst >= NEEDED else Mark.WATCH
    return Figure(
        gettext("Download for each person, at the worst hour"),
        figure(THROUGHPUT, worst),
        worst,
        "bits per second",
        gettext("target {rate}", rate=figure(THROUGHPUT, NEEDED)),
        mark=mark,
    )


def slow_lines(facts: Facts) -> Iterator[Paragraph]:
    """A sentence for each line that gave much less than its contract promises."""
    for asset in facts.config.assets:
        promised = asset.uplink.contract.down if asset.uplink else None
        values = _rates(facts, asset, "down")
        if promised and values and _median(values) < TIGHT * promised:
            share = percent(_median(values) / promised)
            text = gettext("{line} gave {share} of what its contract promises: claim it.", line=asset.name, share=share)
            yield Paragraph(text, Mark.BAD)


def _rates(facts: Facts, asset: Asset, direction: str) -> Sequence[float]:
    """The rates of a line that were measured, hour by hour, in ascending order."""
    return sorted(one.mean for hours in _hours(facts, THROUGHPUT, asset, direction) for one in hours)


def _median(values: Sequence[float]) -> float:
    """Of sorted values."""
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _hours(facts: Facts, metric: str, asset: Asset | None = None, part: str | None = None) -> Iterator[Sequence[Hour]]:
    """The hours of a metric, of all checks or of one asset's, by check and part."""
    checks = {check.id for check in (facts.config.checks if asset is None else asset.checks)}
    for (check, name, found), hours in facts.series.items():
        if check in checks and name == metric and (part is None or part == found):
            yield hours
