"""`deskwatch report`: memos and dossiers at any time, as text, Markdown, CSV, JSON or a page."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.commands import answers
from monitor.commands.console import (
    CONFIG,
    SERVER,
    Json,
    Site,
    configured,
    err,
    out,
    print_json,
    print_table,
    stop,
    with_store,
)
from monitor.commands.remote import clock, with_server

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from monitor.reports.periods import Period

report = typer.Typer(help="Memos about a day, a week or a month, and the morning check.", no_args_is_help=True)

Day = Annotated[str, typer.Option("--of", help="A day that lies in it, like 2026-10-31; the newest that is over.")]
Format = Annotated[str, typer.Option("--format", help="text, md, csv, json or html.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write it to this file.")]


@report.command("list", epilog="Example: deskwatch report list --kind weekly")
def list_reports(
    path: Site = CONFIG,
    kind: Annotated[str, typer.Option(help="Only morning, daily, weekly, monthly or isp.")] = "",
    as_json: Json = False,
) -> None:
    """The newest reports that were kept."""
    from monitor.reports.document import Kind

    if kind not in ("", *Kind):
        stop(f"there is no kind of report {kind[:40]!r}; there are {', '.join(Kind)}")
    if far := SERVER.get():
        rows = with_server(far, lambda api: answers.reports(api, kind))
    else:
        from monitor.records import reported

        rows = with_store(path, lambda _, conn: reported(conn, Kind(kind) if kind else None))
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "kind", "made", "title", "summary")
        print_table("Reports", columns, [tuple(row[name] for name in columns) for row in rows])


@report.command(epilog="Example: deskwatch report show 01JD... --format md")
def show(
    id: Annotated[str, typer.Argument(help="The report's id, as `deskwatch report list` shows it.")],
    path: Site = CONFIG,
    format: Format = "text",
    file: Out = None,
) -> None:
    """A report that was kept, as it was then."""
    render = shape(format)
    if far := SERVER.get():
        found = with_server(far, lambda api: answers.report(api, id))
    else:
        found = with_store(path, lambda _, conn: _kept(conn, id))
    if found is None:
        stop(f"there is no report {id}; `deskwatch report list` shows them", code=1)
    write(render(found), file)


async def _kept(conn: Any, id: str) -> Any:
    from monitor.store import reports

    found = await reports.get(conn, id)
    return found.document if found is not None else None


@report.command(epilog="Example: deskwatch report daily --of 2026-11-20")
def daily(path: Site = CONFIG, of: Day = "", format: Format = "text", file: Out = None) -> None:
    """What a day brought."""
    _memo("daily", path, of, format, file)


@report.command(epilog="Example: deskwatch report weekly --format md --out week.md")
def weekly(path: Site = CONFIG, of: Day = "", format: Format = "text", file: Out = None) -> None:
    """The memo about a week."""
    _memo("weekly", path, of, format, file)


@report.command(epilog="Example: deskwatch report monthly --of 2026-10-01 --format html --out october.html")
def monthly(path: Site = CONFIG, of: Day = "", format: Format = "text", file: Out = None) -> None:
    """The memo about a month."""
    _memo("monthly", path, of, format, file)


@report.command(epilog="Example: deskwatch report morning --now")
def morning(
    path: Site = CONFIG,
    now: Annotated[bool, typer.Option("--now", help="Look at everything now, instead of reading the newest.")] = False,
    format: Format = "text",
    file: Out = None,
) -> None:
    """Whether the space is ready to open. Exit status 1 if something needs somebody or is not known."""
    from monitor.reports.document import Mark

    render, far = shape(format), SERVER.get()
    if far and not now:
        made = with_server(far, lambda api: answers.newest(api, "morning"))
    else:
        made = _looked(path) if now else with_store(path, _newest_morning)
    if made is None:
        stop("no morning check has been made yet; --now makes one", code=1)
    write(render(made), file)
    raise typer.Exit(int(made.mark is not Mark.GOOD))


def _looked(path: Path) -> Any:
    import asyncio

    from monitor.afresh import now
    from monitor.store import StoreError

    config = configured(path)
    try:
        with err.status("Looking at everything ..."):
            return asyncio.run(now(config))
    except StoreError as error:
        stop(str(error), code=1)


async def _newest_morning(config: Any, conn: Any) -> Any:
    from monitor.reports.document import Kind
    from monitor.store import reports

    found = await reports.latest(conn, Kind.MORNING)
    return found.document if found is not None else None


@report.command(epilog="Example: deskwatch report availability --from 2026-10-01 --until 2026-10-15 --around-the-clock")
def availability(
    path: Site = CONFIG,
    since: Annotated[str, typer.Option("--from", help="The first day; 30 days before the last unless said.")] = "",
    until: Annotated[str, typer.Option("--until", help="The last day; today unless said.")] = "",
    around_the_clock: Annotated[
        bool, typer.Option(help="Count all hours, not only those in which it is open.")
    ] = False,
    planned_work: Annotated[bool, typer.Option(help="Count the time of planned work as well.")] = False,
    as_json: Json = False,
) -> None:
    """How available the site, its groups, assets and checks were over any days, and how much of that was measured."""
    from monitor.records import available, days_of
    from monitor.reports.listing import Counted

    days = _day(since), _day(until)
    now, counted = datetime.now(UTC), Counted(around_the_clock, planned_work)
    try:
        if far := SERVER.get():
            period = days_of(*days, clock(path), now)
            rows = with_server(far, lambda api: answers.available(api, period, counted))
        else:
            rows = with_store(path, lambda config, conn: available(config, conn, *days, counted, now))
    except ValueError as error:
        stop(str(error))
    if as_json:
        print_json(rows)
    else:
        columns = ("what", "name", "available", "measured", "down")
        print_table("Availability", columns, [tuple(str(row[name]) for name in columns) for row in rows])


@report.command(epilog="Example: deskwatch report isp --of 2026-10-01 --export october.jsonl --provider FibreCo")
def isp(
    path: Site = CONFIG,
    of: Day = "",
    format: Format = "text",
    file: Out = None,
    provider: Annotated[str, typer.Option(help="Whose evidence to export; needed if there are several.")] = "",
    export: Annotated[Path | None, typer.Option(help="Write every reading around the outages to this file.")] = None,
    verify: Annotated[Path | None, typer.Option(help="Say whether this export is as it was made.")] = None,
) -> None:
    """The dossier of every internet provider about a month, and the evidence behind it.

    Exit status 1 if an export that is verified was changed.
    """
    if verify is not None:
        _verify(verify)
    elif export is not None:
        _export(path, of, provider, export)
    else:
        _memo("isp", path, of, format, file)


def _verify(file: Path) -> None:
    from monitor.reports.chain import ChainError, checked, recounted

    try:
        with file.open(encoding="utf-8", newline="\n") as lines:
            found = checked(line.removesuffix("\n") for line in lines)
            wrong = [line for line, (told, counted) in recounted(found.records).items() if abs(told - counted) > 1e-3]
    except OSError as error:
        stop(f"{file} cannot be read: {error.strerror}")
    except (ChainError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        stop(f"{file} is not as it was made: {error}", code=1)
    if wrong:
        stop(f"{file}: the outages of {', '.join(wrong)} do not add up to what it says", code=1)
    out.print(f"{file} is whole: {len(found.records)} records, and its outages add up", markup=False, soft_wrap=True)
    out.print(f"Fingerprint: {found.fingerprint}", soft_wrap=True)
    out.print("It is the file that was made then if the dossier of that month tells the same fingerprint.")


def _export(path: Path, of: str, provider: str, file: Path) -> None:
    from monitor.dossier import exported
    from monitor.reports.chain import fingerprint

    now = datetime.now(UTC)
    period = _period(configured(path).site.hours.zone, "isp", of, now)
    try:
        with err.status("Collecting readings ..."):
            lines = with_store(path, lambda config, conn: exported(conn, config, period, provider, now))
    except (LookupError, ValueError) as error:
        stop(str(error))
    write("\n".join(lines) + "\n", file)
    out.print(f"Fingerprint: {fingerprint(lines[-1])}", soft_wrap=True)


def _memo(kind: str, path: Path, of: str, format: str, file: Path | None) -> None:
    render = shape(format)
    now = datetime.now(UTC)
    zone = clock(path)
    period = _period(zone, kind, of, now)
    try:
        if far := SERVER.get():
            made = with_server(far, lambda api: answers.made(api, kind, period.start.astimezone(zone).date()))
        else:
            made = _made(path, kind, period, now)
    except ValueError as error:
        stop(str(error))
    write("\n".join(render(one) for one in made), file)


def _made(path: Path, kind: str, period: "Period", now: datetime) -> Any:
    from monitor.memos import documents
    from monitor.reports.document import Kind

    with err.status("Looking through what was recorded ..."):
        return with_store(path, lambda config, conn: documents(conn, config, Kind(kind), period, now, {}))


def _period(zone: "ZoneInfo", kind: str, of: str, now: datetime) -> "Period":
    """The time that a memo is about: of the day that is named, or the newest that is over."""
    from monitor.reports.document import Kind
    from monitor.reports.periods import before, period_of

    day = _day(of)
    period = period_of(Kind(kind), day or now.astimezone(zone).date(), zone)
    return period if day is not None else before(period, zone)


def write(text: str, file: Path | None) -> None:
    """Print a report, or write it to a file."""
    if file is None:
        out.print(text, markup=False, soft_wrap=True)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        stop(f"{file} cannot be written: {error.strerror}; give another name")
    out.print(f"Wrote {file}", markup=False, soft_wrap=True)


def shape(format: str) -> Callable[[Any], str]:
    """What makes a file of a document; ends the command for a format that there is not."""
    render = _shapes().get(format)
    if render is None:
        stop(f"there is no format {format!r}; there are {', '.join(_shapes())}")
    return render


def _shapes() -> Mapping[str, Callable[[Any], str]]:
    from monitor.escaping import as_json
    from monitor.reports import rendering
    from monitor.reports.document import to_json

    return {
        "text": lambda one: "\n\n".join(rendering.message(one, "")),
        "md": rendering.markdown,
        "csv": rendering.sheet,
        "json": lambda one: as_json(to_json(one)),
        "html": rendering.page,
    }


def _day(given: str) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        stop(f"{given!r} is no date; write one like 2026-10-31")
