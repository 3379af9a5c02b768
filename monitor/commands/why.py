"""`deskwatch why`: why somebody was paged, or was not."""

from datetime import datetime
from typing import Annotated, Any

import typer

from monitor.commands.console import CONFIG, Json, Where, out, print_json, stop, with_store


def why(
    about: Annotated[str, typer.Argument(help="A check, like booking-system/http, or an episode's id.")],
    at: Annotated[str, typer.Option(help='When: "2026-12-06 02:30" on the site\'s clock; now if not.')] = "",
    path: Where = CONFIG,
    as_json: Json = False,
) -> None:
    """Say why somebody was paged at a time, or why nobody was: every decision, and what became of each message."""
    from datetime import UTC

    now = datetime.now(UTC)
    try:
        zone, answer = with_store(path, lambda config, conn: _explained(config, conn, about, at, now))
    except (LookupError, ValueError) as error:
        stop(str(error.args[0]))
    if as_json:
        lines = [{"at": line.at.isoformat(), "who": line.who, "words": line.words} for line in answer.lines]
        print_json({"check": answer.check, "summary": answer.summary, "lines": lines})
        return
    out.print(answer.summary, markup=False, soft_wrap=True)
    for line in answer.lines:
        when = line.at.astimezone(zone)
        out.print(f"  {when:%Y-%m-%d %H:%M:%S}  {line.who}: {line.words}", markup=False, soft_wrap=True)


async def _explained(config: Any, conn: Any, about: str, at: str, now: datetime) -> tuple[Any, Any]:
    from monitor.rota import moment
    from monitor.why import explain

    zone = config.site.hours.zone
    return zone, await explain(conn, config, about, moment(at, zone, now))
