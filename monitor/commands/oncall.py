"""`deskwatch oncall`: who is on call, who would be paged, and overrides."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.commands import answers
from monitor.commands.console import (
    CONFIG,
    SERVER,
    Author,
    Json,
    Server,
    Site,
    Where,
    author,
    note,
    out,
    print_json,
    print_table,
    stop,
    with_store,
)
from monitor.commands.remote import clock, with_server

oncall = typer.Typer(help="On call: who it is, who comes next, and who takes over.", no_args_is_help=True)

_TIME = '"2026-12-06 02:30" or "Sun 02:30" on the site\'s clock'


@oncall.command("who", epilog='Example: deskwatch oncall who --asset fibre --at "Sun 02:30"')
def who(
    path: Site = CONFIG,
    at: Annotated[str, typer.Option(help=f"When: {_TIME}; now if not.")] = "",
    asset: Annotated[str, typer.Option(help="Who would be paged for this asset; else who has each schedule.")] = "",
    severity: Annotated[str, typer.Option(help="How bad: info, warning or critical.")] = "critical",
    as_json: Json = False,
) -> None:
    """Who is on call, or would be paged for an asset. Exit status 1 if there is nobody."""
    far = SERVER.get()
    try:
        rows = _there(far, asset, severity, at) if far else _here(path, asset, severity, at)
    except ValueError as error:
        stop(str(error))
    if as_json:
        print_json(rows)
    elif asset:
        columns = ("route", "after", "destination", "why")
        print_table(f"Paged for {asset}", columns, [line for row in rows for line in _lines(row)])
    else:
        _print_duties("On call", rows)
    raise typer.Exit(int(not rows or any(not (row["reached"] if asset else row["person"]) for row in rows)))


def _here(path: Path, asset: str, severity: str, at: str) -> list[dict[str, Any]]:
    from monitor.records import callees, on_call

    now = _now()
    if asset:
        return with_store(path, lambda config, conn: callees(config, conn, asset, severity, at, now))
    return with_store(path, lambda config, conn: on_call(config, conn, at, now))


def _there(far: Server, asset: str, severity: str, at: str) -> list[dict[str, Any]]:
    from monitor.rota import moment

    then = moment(at, with_server(far, answers.zone_of), _now()) if at else None
    if asset:
        return with_server(far, lambda api: answers.callees(api, asset, severity, then))
    return with_server(far, lambda api: answers.on_call(api, then))


@oncall.command("shifts", epilog="Example: deskwatch oncall shifts --days 14")
def shifts(
    path: Site = CONFIG,
    days: Annotated[int, typer.Option(help="How far ahead.", min=1, max=400)] = 14,
    as_json: Json = False,
) -> None:
    """Who has each schedule in the next days. Exit status 1 if nobody does for a while."""
    if far := SERVER.get():
        rows = with_server(far, lambda api: answers.rostered(api, days))
    else:
        from monitor.records import rostered

        now = _now()
        rows = with_store(path, lambda config, conn: rostered(config, conn, days, now))
    if as_json:
        print_json(rows)
    else:
        _print_duties(f"On call for {days} days", rows)
    raise typer.Exit(int(any(not row["person"] for row in rows)))


@oncall.command("override", epilog='Example: deskwatch oncall override it ben "Sat 09:00" "Mon 09:00" --by Ana')
def override(
    schedule: Annotated[str, typer.Argument(help="The schedule's id.")],
    person: Annotated[str, typer.Argument(help="The id of the person who takes over.")],
    starts: Annotated[str, typer.Argument(metavar="FROM", help=f"From when: {_TIME}, or now.")],
    ends: Annotated[str, typer.Argument(metavar="TO", help="Until when, in the same way; a weekday after FROM.")],
    by: Author = "",
    path: Where = CONFIG,
) -> None:
    """Have somebody take a schedule over for a while. The running service takes notice within seconds."""
    from monitor import rota

    now, who, far = _now(), author(by), SERVER.get()

    async def taken(config: Any, conn: Any) -> tuple[str, datetime, datetime]:
        from monitor.store import overrides

        one = rota.typed(config, schedule, person, starts, ends, who, now)
        await overrides.save(conn, one)
        await note(conn, "override made", one.id, who)
        return one.id, one.starts, one.ends

    try:
        zone = clock(path)
        if far:
            begin = rota.moment(starts, zone, now)
            end = rota.moment(ends, zone, max(begin, now))
            found = with_server(far, lambda api: answers.taken(api, schedule, person, begin, end))
        else:
            found = with_store(path, taken, writes=True)
    except ValueError as error:
        stop(str(error))
    id, (first, last) = found[0], (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in found[1:])
    out.print(f"{id}: {person} has {schedule} from {first} until {last}", markup=False, soft_wrap=True)


@oncall.command("overrides", epilog="Example: deskwatch oncall overrides --json")
def list_overrides(path: Site = CONFIG, as_json: Json = False) -> None:
    """Who takes over, now or later."""
    if far := SERVER.get():
        rows = with_server(far, answers.overridden)
    else:
        from monitor.records import overridden

        now = _now()
        rows = with_store(path, lambda config, conn: overridden(config, conn, now))
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "schedule", "person", "starts", "ends", "note")
        print_table("Overrides", columns, [tuple(row[name] for name in columns) for row in rows])


@oncall.command("remove", epilog="Example: deskwatch oncall remove 01JD...")
def remove_override(
    id: Annotated[str, typer.Argument(help="The override's id, as `deskwatch oncall overrides` shows it.")],
    path: Site = CONFIG,
) -> None:
    """Take an override back."""
    if far := SERVER.get():
        with_server(far, lambda api: api.send("DELETE", "overrides", id))
    elif not with_store(path, lambda _, conn: _removed(conn, id), writes=True):
        stop(f"there is no override {id}; `deskwatch oncall overrides` shows them", code=1)
    out.print(f"{id}: taken back", markup=False)


async def _removed(conn: Any, id: str) -> bool:
    from monitor.store import overrides

    done = await overrides.delete(conn, id)
    if done:
        await note(conn, "override removed", id)
    return done


def _now() -> datetime:
    return datetime.now(UTC)


def _lines(row: dict[str, Any]) -> list[tuple[str, ...]]:
    """A step of a route, with a line for each destination."""
    reached = row["reached"] or [{"destination": "", "words": "nobody"}]
    held = f"; held back: {row['held']}" if row["held"] else ""
    after = f"{row['after'] / 60:g} min" if row["after"] else "at once"
    return [(row["route"], after, one["destination"], f"{one['words']}{held}") for one in reached]


def _print_duties(title: str, rows: list[dict[str, Any]]) -> None:
    columns = ("schedule", "person", "starts", "ends")
    print_table(
        title, columns, [(row["schedule"], row["person"] or "nobody", row["starts"], row["ends"]) for row in rows]
    )
