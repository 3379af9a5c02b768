"""Asking for something to be done to an incident: of the running service beside the store, or of a server."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.commands import answers
from monitor.commands.console import SERVER, author, note, out, print_json, stop, with_store
from monitor.commands.remote import with_server

if TYPE_CHECKING:
    from monitor.orders import Action, Order

PATIENCE = 6.0
"""Seconds to wait for the running service."""

Check = Callable[[Any, Any], str]
"""Why an order makes no sense for a configuration and an incident, in words; "" if it does."""


def ask_for(
    path: Path,
    id: str,
    action: "Action",
    by: str,
    details: Mapping[str, Any],
    as_json: bool,
    check: Check = lambda _config, _incident: "",
) -> None:
    """Have something done, and say what came of it."""
    from ulid import ULID

    from monitor.orders import Order

    order, far = Order(str(ULID()), id, action, author(by), details), SERVER.get()
    incident = with_server(far, lambda api: answers.done(api, order)) if far else _carried_out(path, order, check)
    if incident is None:
        out.print("Deskwatch does not seem to run: it will be done when it does.")
    else:
        tell(incident, order.id, as_json)


def tell(incident: Mapping[str, Any], order: str, as_json: bool) -> None:
    """Say how an incident is after an order."""
    if as_json:
        print_json({"id": incident["id"], "order": order, "title": incident["title"], "stage": incident["stage"]})
    else:
        out.print(f"{incident['title']}: {incident['stage']}", markup=False)


def _carried_out(path: Path, order: "Order", check: Check) -> dict[str, Any] | None:
    """Leave an order and wait for a moment until the running service has carried it out; None if it has not."""
    trouble = with_store(path, lambda config, conn: _left(config, conn, order, check), writes=True)
    if trouble:
        stop(trouble, code=1)
    deadline = time.monotonic() + PATIENCE
    while with_store(path, lambda _, conn: _waits(conn, order)):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.2)
    one = with_store(path, lambda _, conn: found(conn, order.incident))
    return {"id": one.id, "title": one.title, "stage": str(one.stage)}


async def _left(config: Any, conn: Any, order: "Order", check: Check) -> str:
    """Leave the order; why not, in words, if it makes no sense."""
    from monitor.orders import Action
    from monitor.store import orders

    if order.action is not Action.REPORT:
        incident = await found(conn, order.incident)
        if incident is None:
            return f"there is no incident {order.incident}; `deskwatch incidents list` shows them"
        if trouble := check(config, incident):
            return f"{order.incident}: {trouble}"
    await orders.add(conn, order)
    await note(conn, "incident ordered", f"{order.incident} ({order.action})", order.who)
    return ""


async def found(conn: Any, id: str) -> Any:
    """The incident of that id in a store; None if there is none."""
    from monitor.store import incidents as stored

    return await stored.get(conn, id)


async def _waits(conn: Any, order: "Order") -> bool:
    from monitor.store import orders

    return order.id in [one.id for one in await orders.waiting(conn)]
