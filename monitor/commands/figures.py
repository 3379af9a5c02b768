"""`deskwatch figures`: what others know for the memos, like app adoption and revenue."""

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.console import CONFIG, Json, Site, out, print_json, print_table, stop, with_store

figures = typer.Typer(help="Figures for the memos that Deskwatch cannot measure itself.", no_args_is_help=True)


@figures.command("import", epilog="Example: deskwatch figures import november.csv")
def take(
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns name, day and value.")],
    path: Site = CONFIG,
) -> None:
    """Keep figures of a file; one that is there already for the same name and day is replaced."""
    from datetime import UTC, datetime

    from monitor.figures import of_csv
    from monitor.store import figures as kept

    try:
        found = of_csv(file.read_text("utf-8-sig"), file.name, datetime.now(UTC))
    except OSError as error:
        stop(f"{file} cannot be read: {error.strerror}")
    except ValueError as error:
        stop(f"{file}: {error}")
    with_store(path, lambda _config, conn: kept.save(conn, found), writes=True)
    out.print(f"{len(found)} figures kept")


@figures.command("list", epilog="Example: deskwatch figures list --json")
def listed(path: Site = CONFIG, as_json: Json = False) -> None:
    """The figures of the last thirteen months."""
    from monitor.records import pushed

    rows = with_store(path, pushed)
    if as_json:
        print_json(rows)
    else:
        columns = ("name", "day", "value", "source")
        print_table("Figures", columns, [tuple(str(row[name]) for name in columns) for row in rows])
