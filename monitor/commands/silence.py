"""`deskwatch silence`: hold messages back for a while."""

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

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
from monitor.commands.remote import with_server

silence = typer.Typer(help="Silences: send nothing about something for a while.", no_args_is_help=True)

_COLUMNS = ("id", "state", "conditions", "ends", "author", "comment")


@silence.command("add", epilog='Example: deskwatch silence add asset=printer --for 2h --by Ana --comment "new drum"')
def add_silence(
    conditions: Annotated[list[str], typer.Argument(help="All must hold: asset=printer, section=wifi, rule!=down.")],
    lasts: Annotated[str, typer.Option("--for", help="How long, such as 30m, 4h or 7d.")],
    comment: Annotated[str, typer.Option(help="Why.")],
    by: Author = "",
    starts: Annotated[str, typer.Option("--from", help='When it begins, such as "2026-12-01 06:00"; now if not.')] = "",
    path: Where = CONFIG,
) -> None:
    """Send nothing about what fits all conditions. The running service takes notice within seconds."""
    who, far = author(by), SERVER.get()

    async def begun(config: Any, conn: Any) -> str:
        from alerting.silences import preview
        from monitor.silencing import typed
        from monitor.store import silences
        from monitor.subjects import subjects

        one = typed(config, conditions, starts, lasts, who, comment, datetime.now(UTC))
        await silences.save(conn, one)
        await note(conn, "silence begun", one.id, who)
        alerts = len(preview(one, subjects(config)))
        return _begun(one.id, one.ends, config.site.hours.zone, alerts)

    try:
        said = _begun_there(far, conditions, starts, lasts, comment) if far else with_store(path, begun, writes=True)
    except ValueError as error:
        stop(str(error))
    out.print(said, markup=False, soft_wrap=True)


def _begun_there(far: Server, conditions: list[str], starts: str, lasts: str, comment: str) -> str:
    from monitor.silencing import instant

    zone = with_server(far, answers.zone_of)
    begin = instant(starts, zone) if starts.strip() else None
    id, ends, alerts = with_server(far, lambda api: answers.begun(api, conditions, begin, lasts, comment))
    return _begun(id, ends, zone, alerts)


def _begun(id: str, ends: datetime, zone: ZoneInfo, alerts: int) -> str:
    return f"{id}: until {ends.astimezone(zone):%Y-%m-%d %H:%M}, holds back {alerts} of the alerts there are"


@silence.command("list", epilog="Example: deskwatch silence list --json")
def list_silences(path: Site = CONFIG, as_json: Json = False) -> None:
    """The newest silences: on, coming and ended."""
    if far := SERVER.get():
        rows = with_server(far, answers.silenced)
    else:
        from monitor.records import silenced

        rows = with_store(path, silenced)
    if as_json:
        print_json(rows)
    else:
        print_table("Silences", _COLUMNS, [tuple(_cell(row[name]) for name in _COLUMNS) for row in rows])


@silence.command("expire", epilog="Example: deskwatch silence expire 01JD...")
def expire_silence(
    id: Annotated[str, typer.Argument(help="The silence's id, as `deskwatch silence list` shows it.")],
    path: Site = CONFIG,
) -> None:
    """End a silence now; it stays in the list."""
    if far := SERVER.get():
        with_server(far, lambda api: api.send("POST", "silences", id, "end"))
    elif not with_store(path, lambda _, conn: _ended(conn, id), writes=True):
        stop(f"there is no silence {id} that has not ended; `deskwatch silence list` shows them", code=1)
    out.print(f"{id}: ended", markup=False)


async def _ended(conn: Any, id: str) -> bool:
    from monitor.store import silences

    done = await silences.expire(conn, id, datetime.now(UTC))
    if done:
        await note(conn, "silence ended", id)
    return done


def _cell(value: Any) -> str:
    return "\n".join(value) if isinstance(value, list) else str(value)
