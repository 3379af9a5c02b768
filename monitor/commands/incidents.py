"""`deskwatch incidents`: the incident log."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.commands import answers
from monitor.commands.console import (
    CONFIG,
    SERVER,
    Author,
    Json,
    Site,
    Where,
    author,
    configured,
    given,
    out,
    print_json,
    print_table,
    stop,
    with_store,
)
from monitor.commands.ordering import Check, ask_for, found, tell
from monitor.commands.remote import clock, with_server

incidents = typer.Typer(help="The incident log.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="The incident's id, as `deskwatch incidents list` shows it.")]


@incidents.command("list", epilog="Example: deskwatch incidents list --json")
def list_incidents(path: Site = CONFIG, as_json: Json = False) -> None:
    """The newest incidents."""
    if far := SERVER.get():
        rows = with_server(far, answers.listed)
    else:
        from monitor.records import listed

        rows = with_store(path, listed)
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "stage", "severity", "title", "opened", "resolved")
        print_table("Incidents", columns, [tuple(str(row[column] or "") for column in columns) for row in rows])


@incidents.command("show", epilog="Example: deskwatch incidents show 01JD...")
def show_incident(id: Id, path: Site = CONFIG, as_json: Json = False) -> None:
    """One incident with its timeline, what it cost, its review and what follows from it."""
    from monitor.record_words import in_words

    if far := SERVER.get():
        record = with_server(far, lambda api: answers.shown(api, id))
    else:
        from monitor.records import shown

        record = with_store(path, lambda config, conn: shown(config, conn, id))
    if record is None:
        stop(f"there is no incident {id}")
    if as_json:
        print_json(record)
        return
    for line in in_words(record):
        out.print(line, markup=False, soft_wrap=True)


@incidents.command("export", epilog="Example: deskwatch incidents export 01JD... --format html --out incident.html")
def export_incident(
    id: Id,
    path: Site = CONFIG,
    format: Annotated[str, typer.Option("--format", help="text, md, csv, json or html.")] = "md",
    file: Annotated[Path | None, typer.Option("--out", help="Write it to this file.")] = None,
) -> None:
    """The whole record of one incident as a document."""
    from monitor.commands.report import shape, write

    render = shape(format)
    if far := SERVER.get():
        write(with_server(far, lambda api: answers.exported(api, id, format)), file)
        return
    made = with_store(path, lambda config, conn: _documented(config, conn, id))
    if made is None:
        stop(f"there is no incident {id}; `deskwatch incidents list` shows them", code=1)
    write(render(made), file)


async def _documented(config: Any, conn: Any, id: str) -> Any:
    from monitor.reports.incident import document
    from monitor.store import attachments, outbox

    incident = await found(conn, id)
    if incident is None:
        return None
    files, messages = await attachments.of_incident(conn, id), await outbox.of_incident(conn, id)
    return document(incident, config, messages, files, _now())


@incidents.command("acknowledge", epilog="Example: deskwatch incidents acknowledge 01JD... --by Ana")
def acknowledge_incident(id: Id, by: Author = "", path: Site = CONFIG, as_json: Json = False) -> None:
    """Say that somebody has it: repeats stop."""
    from monitor.orders import Action

    ask_for(path, id, Action.ACKNOWLEDGE, by, {}, as_json)


@incidents.command("fixed", epilog="Example: deskwatch incidents fixed 01JD... --by Ana")
def end_incident(id: Id, by: Author = "", path: Site = CONFIG, as_json: Json = False) -> None:
    """Say that it is over; if it is still measured as broken, it opens again."""
    from monitor.orders import Action

    ask_for(path, id, Action.FIXED, by, {}, as_json)


@incidents.command("note", epilog='Example: deskwatch incidents note 01JD... "The provider sends somebody" --by Ana')
def note_incident(
    id: Id,
    text: Annotated[str, typer.Argument(help="What somebody saw or did.")],
    by: Author = "",
    path: Where = CONFIG,
    as_json: Json = False,
) -> None:
    """Add a line to the timeline."""
    from monitor.orders import Action

    ask_for(path, id, Action.NOTE, by, {"text": given(text, "note")}, as_json)


@incidents.command(
    "review",
    epilog="Example: deskwatch incidents review 01JD... --by Ana --resolution 'New cable' --cause 'A mouse' "
    "--set category=hardware --set detection=us",
)
def review_incident(
    id: Id,
    by: Author = "",
    resolution: Annotated[str, typer.Option(help="What was done.")] = "",
    cause: Annotated[str, typer.Option(help="Why it happened.")] = "",
    fields: Annotated[list[str], typer.Option("--set", help="Any field of the review: category=isp.")] = [],  # noqa: B006
    path: Site = CONFIG,
    as_json: Json = False,
) -> None:
    """Write down what was done and why it happened; what is not given stays as it is.

    `deskwatch incidents show` says what is still missing, and asks what is worth asking about such a cause.
    """
    from incidents.review import Review
    from monitor.orders import Action

    said = dict(one.partition("=")[::2] for one in fields)
    said |= {name: text for name, text in (("resolution", resolution), ("root_cause", cause)) if text}
    try:
        Review.of(said)
    except ValueError as error:
        stop(str(error))
    ask_for(path, id, Action.REVIEW, by, said, as_json)


@incidents.command(
    "action",
    epilog='Example: deskwatch incidents action 01JD... "Buy a spare" --owner ana --due 2026-12-20 --by Ben',
)
def add_action(
    id: Id,
    text: Annotated[str, typer.Argument(help="What is to be done.")],
    owner: Annotated[str, typer.Option(help="Who does it: a person of the configuration is reminded.")],
    due: Annotated[str, typer.Option(help="Until which day, like 2026-12-20.")],
    by: Author = "",
    path: Where = CONFIG,
    as_json: Json = False,
) -> None:
    """Write down what is to be done so that it does not happen again."""
    from datetime import date

    from monitor.orders import Action

    try:
        day = date.fromisoformat(due)
    except ValueError:
        stop(f"the day {due[:40]!r} must be like 2026-12-20")
    said = {"text": given(text, "action"), "owner": given(owner, "owner"), "due": day.isoformat()}
    ask_for(path, id, Action.ACT, by, said, as_json)


@incidents.command("done", epilog="Example: deskwatch incidents done 01JD... 01JE... --by Ana")
def end_action(
    id: Id,
    action: Annotated[str, typer.Argument(help="The action's id, as `deskwatch incidents show` has it.")],
    by: Author = "",
    path: Where = CONFIG,
    as_json: Json = False,
) -> None:
    """Say that an action is done."""
    from monitor.orders import Action

    def known(_: Any, incident: Any) -> str:
        ids = [one.id for one in incident.actions]
        return "" if action in ids else f"it has no action {action}; it has {', '.join(ids) or 'none'}"

    ask_for(path, id, Action.DONE, by, {"action": action}, as_json, known)


@incidents.command(
    "report",
    epilog='Example: deskwatch incidents report printer "It eats paper" --at 09:30 --by-member --by Ana',
)
def report_incident(
    asset: Annotated[str, typer.Argument(help='The asset that it is about, "" for something that is not watched.')],
    words: Annotated[str, typer.Argument(help="What is broken, in a few words.")],
    by: Author = "",
    at: Annotated[str, typer.Option(help='Since when, like 09:30 (today) or "2026-12-01 09:30"; now if not.')] = "",
    by_member: Annotated[bool, typer.Option(help="A member has noticed it.")] = False,
    people: Annotated[int | None, typer.Option(min=0, help="How many it hits, if somebody has counted.")] = None,
    quietly: Annotated[bool, typer.Option(help="Tell nobody.")] = False,
    path: Where = CONFIG,
    as_json: Json = False,
) -> None:
    """Open an incident for what no check has noticed; it lasts until somebody says that it is fixed."""
    from ulid import ULID

    from monitor.orders import Action

    if asset and SERVER.get() is None and configured(path).asset(asset) is None:
        stop(f'there is no asset {asset[:60]!r}; `deskwatch status` shows their checks, "" is for what is not watched')
    said = {
        "asset": asset,
        "title": given(words, "report"),
        "at": _moment(path, at).isoformat(),
        "by_member": by_member,
        "people": people,
        "tells": not quietly,
    }
    ask_for(path, str(ULID()), Action.REPORT, by, said, as_json)


@incidents.command("merge", epilog="Example: deskwatch incidents merge 01JD... 01JE... --by Ana")
def merge_incidents(
    id: Id,
    into: Annotated[str, typer.Argument(help="The incident that tells of both from now on.")],
    by: Author = "",
    path: Where = CONFIG,
    as_json: Json = False,
) -> None:
    """Say that two incidents are one: the first ends, the second goes on and counts for both."""
    from incidents.merging import obstacle
    from monitor.orders import Action

    other: Any = None if SERVER.get() else with_store(path, lambda _, conn: found(conn, into))
    if other is None and SERVER.get() is None:
        stop(f"there is no incident {into}; `deskwatch incidents list` shows them", code=1)
    ask_for(path, id, Action.MERGE, by, {"into": into}, as_json, lambda _, one: obstacle(one, other))


@incidents.command(
    "correct",
    epilog="Example: deskwatch incidents correct 01JD... --by Ana --opened '2026-12-01 09:10'",
)
def correct_incident(
    id: Id,
    by: Author = "",
    opened: Annotated[str, typer.Option(help="When it really began.")] = "",
    resolved: Annotated[str, typer.Option(help="When it was really over.")] = "",
    line: Annotated[int | None, typer.Option(help="The number of a line of the timeline, with --at.")] = None,
    at: Annotated[str, typer.Option(help="When that really was.")] = "",
    minutes: Annotated[float | None, typer.Option(min=0, help="What it really cost, in member-minutes.")] = None,
    reason: Annotated[str, typer.Option(help="Why --minutes is right, and the figure that was computed is not.")] = "",
    path: Site = CONFIG,
    as_json: Json = False,
) -> None:
    """Set times or the cost right. The timeline keeps what was there before, and who has changed it."""
    from incidents import corrections
    from monitor.orders import Action, times

    now = _now()
    asked: list[tuple[Action, Mapping[str, Any], Check]] = []
    if opened or resolved:
        given_times = (("opened", opened), ("resolved", resolved))
        said = {name: _moment(path, text).isoformat() for name, text in given_times if text}
        asked.append((Action.CORRECT_TIMES, said, lambda _, one: corrections.obstacle(one, times(said), now)))
    if line is not None:
        then = _moment(path, given(at, "time of the line, --at,"))
        entry = {"line": line, "at": then.isoformat()}
        asked.append((Action.CORRECT_LINE, entry, lambda _, one: _line_trouble(one, line, then > now)))
    if minutes is not None:
        cost = {"minutes": minutes, "reason": given(reason, "reason")}
        asked.append((Action.CORRECT_IMPACT, cost, lambda _, one: "" if one.resolved else "it is not over yet"))
    if not asked:
        stop("nothing to correct: give --opened, --resolved, --line with --at, or --minutes with --reason")
    for action, details, check in asked:
        ask_for(path, id, action, by, details, as_json, check)


@incidents.command("attach", epilog="Example: deskwatch incidents attach 01JD... router.log --by Ana")
def attach_file(
    id: Id,
    file: Annotated[Path, typer.Argument(help="A picture, a PDF, a mail or a text, of 5 MB at most.")],
    by: Author = "",
    path: Where = CONFIG,
    as_json: Json = False,
) -> None:
    """Keep a file with an incident."""
    from monitor.orders import Action
    from monitor.store import attachments

    who = author(by)
    try:
        one = attachments.attached(id, file.name, file.read_bytes(), who, _now())
        if far := SERVER.get():
            tell(with_server(far, lambda api: answers.attached(api, one)), one.id, as_json)
            return
        with_store(path, lambda _, conn: _kept(conn, one), writes=True)
    except (OSError, ValueError) as error:
        stop(str(error))
    ask_for(path, id, Action.NOTE, by, {"text": one.says}, as_json)


async def _kept(conn: Any, attachment: Any) -> None:
    from monitor.store import attachments

    if await found(conn, attachment.incident) is None:
        raise ValueError(f"there is no incident {attachment.incident}; `deskwatch incidents list` shows them")
    await attachments.add(conn, attachment)


def _moment(path: Path, text: str) -> datetime:
    """A time that is not still to come, as people type it; a time of day is today's."""
    now = _now()
    if not text:
        return now
    from monitor import rota

    zone = clock(path)
    try:
        at = rota.moment(f"{now.astimezone(zone):%Y-%m-%d} {text}" if ":" in text[:3] else text, zone, now)
    except ValueError as error:
        stop(str(error))
    if at > now:
        stop(f"the time {text[:40]!r} is still to come")
    return at


def _line_trouble(incident: Any, line: int, is_to_come: bool) -> str:
    if is_to_come:
        return "that time is still to come"
    count = len(incident.timeline)
    return "" if 1 <= line <= count else f"its timeline has no line {line}; it has {count}"


def _now() -> datetime:
    from datetime import UTC

    return datetime.now(UTC)
