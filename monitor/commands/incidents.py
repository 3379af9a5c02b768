"""`deskwatch incidents`: the incident log."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.commands.console import CONFIG, Json, Site, out, print_json, print_table, stop, with_store

if TYPE_CHECKING:
    from monitor.orders import Order

PATIENCE = 6.0
"""Seconds to wait for the running service."""

incidents = typer.Typer(help="The incident log.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="The incident's id, as `deskwatch incidents list` shows it.")]
By = Annotated[str, typer.Option(help="Who does it.")]


@incidents.command("list", epilog="Example: deskwatch incidents list --json")
def list_incidents(path: Site = CONFIG, as_json: Json = False) -> None:
    """The newest incidents."""
    from monitor.records import listed

    rows = with_store(path, listed)
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "stage", "severity", "title", "opened", "resolved")
        print_table("Incidents", columns, [tuple(str(row[column] or "") for column in columns) for row in rows])


@incidents.command("show", epilog="Example: deskwatch incidents show 01JD...")
def show_incident(id: Id, path: Site = CONFIG, as_json: Json = False) -> None:
    """One incident with its timeline."""
    from monitor.records import shown

    record = with_store(path, lambda config, conn: shown(conn, id))
    if record is None:
        stop(f"there is no incident {id}")
    if as_json:
        print_json(record)
        return
    for name, value in record.items():
        if name != "timeline" and value not in (None, ""):
            out.print(f"{name.replace('_', ' ')}: {value}", markup=False, soft_wrap=True)
    for entry in record["timeline"]:
        out.print(f"  {entry['at']}  {entry['who']}: {entry['text']}", markup=False, soft_wrap=True)


@incidents.command("acknowledge", epilog="Example: deskwatch incidents acknowledge 01JD... --by Ana")
def acknowledge_incident(id: Id, by: By, path: Site = CONFIG) -> None:
    """Say that somebody has it: repeats stop."""
    from monitor.orders import Action, Order

    _ask_for(path, lambda order: Order(order, id, Action.ACKNOWLEDGE, by))


@incidents.command("review", epilog="Example: deskwatch incidents review 01JD... --by Ana --resolution ... --cause ...")
def review_incident(
    id: Id,
    by: By,
    resolution: Annotated[str, typer.Option(help="What was done.")],
    cause: Annotated[str, typer.Option(help="Why it happened.")],
    path: Site = CONFIG,
) -> None:
    """Write down what was done and why it happened."""
    from monitor.orders import Action, Order

    _ask_for(path, lambda order: Order(order, id, Action.REVIEW, by, resolution, cause))


def _ask_for(path: Path, made: "Callable[[str], Order]") -> None:
    """Leave an order, and wait for a moment until the running service has carried it out."""
    from ulid import ULID

    order = made(str(ULID()))
    if with_store(path, lambda _, conn: _left(conn, order), writes=True) is None:
        stop(f"there is no incident {order.incident}; `deskwatch incidents list` shows them", code=1)
    deadline = time.monotonic() + PATIENCE
    while with_store(path, lambda _, conn: _waits(conn, order)):
        if time.monotonic() > deadline:
            out.print("Deskwatch does not seem to run: it will be done when it does.")
            return
        time.sleep(0.2)
    incident = with_store(path, lambda _, conn: _found(conn, order))
    out.print(f"{incident.title}: {incident.stage}", markup=False)


async def _left(conn: Any, order: "Order") -> Any:
    from monitor.store import orders

    incident = await _found(conn, order)
    if incident is not None:
        await orders.add(conn, order)
    return incident


async def _found(conn: Any, order: "Order") -> Any:
    from monitor.store import incidents as stored

    return await stored.get(conn, order.incident)


async def _waits(conn: Any, order: "Order") -> bool:
    from monitor.store import orders

    return order.id in [one.id for one in await orders.waiting(conn)]
