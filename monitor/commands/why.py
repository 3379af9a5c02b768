"""`deskwatch why`: why somebody was paged, or was not."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from monitor.commands import answers
from monitor.commands.console import CONFIG, SERVER, Json, Server, Where, out, print_json, stop, with_store
from monitor.commands.remote import with_server


def why(
    about: Annotated[str, typer.Argument(help="A check, like booking-system/http, or an episode's id.")],
    at: Annotated[str, typer.Option(help='When: "2026-12-06 02:30" on the site\'s clock; now if not.')] = "",
    path: Where = CONFIG,
    as_json: Json = False,
) -> None:
    """Say why somebody was paged at a time, or why nobody was: every decision, and what became of each message."""
    far = SERVER.get()
    try:
        zone, answer = _there(far, about, at) if far else _here(path, about, at)
    except (LookupError, ValueError) as error:
        stop(str(error.args[0]))
    if as_json:
        print_json(answer)
        return
    out.print(answer["summary"], markup=False, soft_wrap=True)
    for line in answer["lines"]:
        when = datetime.fromisoformat(line["at"]).astimezone(zone)
        out.print(f"  {when:%Y-%m-%d %H:%M:%S}  {line['who']}: {line['words']}", markup=False, soft_wrap=True)


def _here(path: Path, about: str, at: str) -> tuple[ZoneInfo, dict[str, Any]]:
    now = datetime.now(UTC)
    return with_store(path, lambda config, conn: _explained(config, conn, about, at, now))


def _there(far: Server, about: str, at: str) -> tuple[ZoneInfo, dict[str, Any]]:
    from monitor.rota import moment

    zone = with_server(far, answers.zone_of)
    then = moment(at, zone, datetime.now(UTC)) if at else None
    return zone, with_server(far, lambda api: answers.explained(api, about, then))


async def _explained(config: Any, conn: Any, about: str, at: str, now: datetime) -> tuple[ZoneInfo, dict[str, Any]]:
    from monitor.rota import moment
    from monitor.why import explain

    zone = config.site.hours.zone
    answer = await explain(conn, config, about, moment(at, zone, now))
    lines = [{"at": line.at.isoformat(), "who": line.who, "words": line.words} for line in answer.lines]
    return zone, {"check": answer.check, "summary": answer.summary, "lines": lines}
