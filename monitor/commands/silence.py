"""`deskwatch silence`: hold messages back for a while."""

from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.commands.console import CONFIG, Json, Site, note, out, print_json, print_table, stop, with_store

silence = typer.Typer(help="Silences: send nothing about something for a while.", no_args_is_help=True)

_COLUMNS = ("id", "state", "conditions", "ends", "author", "comment")


@silence.command("add", epilog='Example: deskwatch silence add asset=printer --for 2h --by Ana --comment "new drum"')
def add_silence(
    conditions: Annotated[list[str], typer.Argument(help="All must hold: asset=printer, section=wifi, rule!=down.")],
    lasts: Annotated[str, typer.Option("--for", help="How long, such as 30m, 4h or 7d.")],
    by: Annotated[str, typer.Option(help="Who wants it.")],
    comment: Annotated[str, typer.Option(help="Why.")],
    starts: Annotated[str, typer.Option("--from", help='When it begins, such as "2026-12-01 06:00"; now if not.')] = "",
    path: Annotated[Path, typer.Option("--site", help="The configuration: a YAML file, or a folder of them.")] = CONFIG,
) -> None:
    """Send nothing about what fits all conditions. The running service takes notice within seconds."""
    from datetime import UTC, datetime

    from alerting.silences import preview
    from monitor.silencing import typed
    from monitor.store import silences
    from monitor.subjects import subjects

    async def begun(config: Any, conn: Any) -> str:
        one = typed(config, conditions, starts, lasts, by, comment, datetime.now(UTC))
        await silences.save(conn, one)
        await note(conn, "silence begun", one.id, by)
        alerts, zone = len(preview(one, subjects(config))), config.site.hours.zone
        return (
            f"{one.id}: until {one.ends.astimezone(zone):%Y-%m-%d %H:%M}, holds back {alerts} of the alerts there are"
        )

    try:
        out.print(with_store(path, begun, writes=True), markup=False, soft_wrap=True)
    except ValueError as error:
        stop(str(error))


@silence.command("list", epilog="Example: deskwatch silence list --json")
def list_silences(path: Site = CONFIG, as_json: Json = False) -> None:
    """The newest silences: on, coming and ended."""
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
    from datetime import UTC, datetime

    from monitor.store import silences

    async def ended(_config: Any, conn: Any) -> bool:
        done = await silences.expire(conn, id, datetime.now(UTC))
        if done:
            await note(conn, "silence ended", id)
        return done

    if not with_store(path, ended, writes=True):
        stop(f"there is no silence {id} that has not ended; `deskwatch silence list` shows them", code=1)
    out.print(f"{id}: ended", markup=False)


def _cell(value: Any) -> str:
    return "\n".join(value) if isinstance(value, list) else str(value)
