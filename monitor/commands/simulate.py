"""`deskwatch simulate`: what other rules would have done."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from monitor.commands.console import CONFIG, Json, Where, configured, err, out, print_json, print_table, stop

if TYPE_CHECKING:
    from monitor.outcome import Outcome, Raised
    from monitor.simulate import Limits, Simulation

SHOWN = 10
"""How many rules, and how many incidents that differ, people are shown; programs get all."""


def simulate(
    edited: Annotated[Path | None, typer.Argument(help="The edited configuration, if there is one.")] = None,
    last: Annotated[str, typer.Option(help="How far back, such as 12h, 7d or 30d.")] = "30d",
    path: Where = CONFIG,
    as_json: Json = False,
) -> None:
    """Judge what was measured by edited rules: how often they page, and what they miss. Exit status 1 if anything."""
    from datetime import UTC

    from monitor.config.values import parse_duration
    from monitor.simulate import simulate
    from monitor.store import Store, StoreError

    try:
        length = timedelta(seconds=parse_duration(last, least=3600, most=400 * 86_400))
    except ValueError as error:
        stop(f"--last: {error}")
    config, other = configured(path), configured(edited) if edited is not None else None
    end = datetime.now(UTC)
    with err.status("Reading what was measured ...") as status:

        def progress(done: int, checks: int) -> None:
            status.update(f"Replaying {checks} checks: {done} done ...")

        async def simulated() -> "Simulation":
            store = await Store.open(config.storage.url.get_secret_value())
            try:
                return await simulate(store, config, other, end - length, end, progress)
            finally:
                await store.close()

        try:
            found = asyncio.run(simulated())
        except StoreError as error:
            stop(str(error), code=1)
    if as_json:
        print_json(_plain(found))
    else:
        _show(found, config.site.hours.zone)
    raise typer.Exit(int(bool(found.missed)))


def _show(found: "Simulation", zone: ZoneInfo) -> None:
    for line in _lines(found, zone):
        out.print(line, markup=False, soft_wrap=True)
    outcomes = [one for one in (found.current, found.edited) if one is not None]
    columns = ("now", "edited")[: len(outcomes)]
    print_table("Pages by rule", ("check", "rule", *columns), _noisy(outcomes))
    print_table("Messages by route", ("route", *columns), _messages(outcomes))


def _lines(found: "Simulation", zone: ZoneInfo) -> Iterator[str]:
    """What people read first."""
    current, edited, (messages, incidents) = found.current, found.edited, found.sent
    yield f"{_day(found.start, zone)} to {_day(found.end, zone)}, as it was measured:"
    if edited is None:
        yield f"would have paged {_times(current.pages)}"
    else:
        yield f"would have paged {_times(edited.pages)} instead of {current.pages}"
    yield from _different("would have missed", found.missed, found.end, zone)
    yield from _different("would have raised as well", found.new, found.end, zone)
    yield f"really sent then: {messages} first messages about {incidents} incidents"
    yield from _limits(found.limits, found.start, zone)


def _different(words: str, raised: "tuple[Raised, ...]", end: datetime, zone: ZoneInfo) -> Iterator[str]:
    from incidents.messages import duration

    for one in raised[:SHOWN]:
        lasted = duration(((one.ended or end) - one.opened).total_seconds())
        lost = f", {one.minutes:,.0f} member-minutes" if one.minutes else ""
        yield f"{words} {_day(one.opened, zone)} ({one.title}, {lasted}{lost})"
    rest = raised[SHOWN:]
    if rest:
        lost = f", {sum(one.minutes for one in rest):,.0f} member-minutes together" if rest[0].minutes else ""
        yield f"{words} {len(rest)} more{lost}"


def _limits(limits: "Limits", start: datetime, zone: ZoneInfo) -> Iterator[str]:
    if limits.since is not None and limits.since > start:
        yield f"nothing was recorded before {_day(limits.since, zone)}"
    if limits.unrecorded:
        yield f"no history for {', '.join(limits.unrecorded)}: not judged"
    if limits.cut:
        yield f"not every value was kept of {', '.join(limits.cut)}: rules about the others were not judged"
    for check, since in limits.usual.items():
        if since is None:
            yield f"what is usual is not known for {check}: rules against it say nothing"
        elif since > start:
            yield f"what is usual is known for {check} since {_day(since, zone)}: rules against it say nothing before"
    yield from limits.damaged


def _noisy(outcomes: "list[Outcome]") -> list[tuple[str, ...]]:
    often = [{(check, rule): number for check, rule, number in one.noisy} for one in outcomes]
    rules = sorted({key for one in often for key in one}, key=lambda key: (-max(one.get(key, 0) for one in often), key))
    return [(*key, *(str(one.get(key, 0)) for one in often)) for key in rules[:SHOWN]]


def _messages(outcomes: "list[Outcome]") -> list[tuple[str, ...]]:
    routes = dict.fromkeys(route for one in outcomes for route in one.messages)
    return [(route, *(str(one.messages.get(route, 0)) for one in outcomes)) for route in routes]


def _plain(found: "Simulation") -> dict[str, Any]:
    limits = found.limits
    return {
        "start": found.start.isoformat(),
        "end": found.end.isoformat(),
        "current": _outcome(found.current),
        "edited": None if found.edited is None else _outcome(found.edited),
        "missed": [_raised(one) for one in found.missed],
        "new": [_raised(one) for one in found.new],
        "sent": {"messages": found.sent[0], "incidents": found.sent[1]},
        "recorded_since": found.limits.since and found.limits.since.isoformat(),
        "not_judged": list(limits.unrecorded),
        "not_every_value": list(limits.cut),
        "usual_since": {check: since and since.isoformat() for check, since in limits.usual.items()},
        "damaged": list(limits.damaged),
    }


def _outcome(outcome: "Outcome") -> dict[str, Any]:
    return {
        "pages": outcome.pages,
        "incidents": len(outcome.incidents),
        "messages": dict(outcome.messages),
        "rules": [{"check": check, "rule": rule, "pages": number} for check, rule, number in outcome.noisy],
    }


def _raised(one: "Raised") -> dict[str, Any]:
    return {
        "title": one.title,
        "asset": one.asset,
        "check": one.rule[0],
        "rule": one.rule[1],
        "opened": one.opened.isoformat(),
        "ended": one.ended and one.ended.isoformat(),
        "open_seconds": one.open,
        "member_minutes": one.minutes,
        "pages": one.pages,
    }


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _day(at: datetime, zone: ZoneInfo) -> str:
    wall = at.astimezone(zone)
    return f"{wall.day} {wall:%b %H:%M}"
