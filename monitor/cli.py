"""The `deskwatch` command."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console

T = TypeVar("T")

CONFIG = Path("site.yaml")
Site = Annotated[Path, typer.Argument(help="The configuration: a YAML file, or a folder of them.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

cli = typer.Typer(
    name="deskwatch",
    help="Watches the internet, Wi-Fi, doors, booking and rooms of a coworking space.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def main() -> None:
    """Entry point."""
    cli()


@cli.command(epilog="Example: deskwatch init site.yaml")
def init(path: Site = CONFIG, force: Annotated[bool, typer.Option(help="Overwrite an existing file.")] = False) -> None:
    """Write a first configuration for this machine's own network."""
    from monitor.config.init import first_config, survey

    if path.exists() and not force:
        _stop(f"{path} exists; give another name, or --force to overwrite it")
    machine = survey()
    path.write_text(first_config(machine), encoding="utf-8")
    out.print(f"Wrote {path}. Look through it, then: [bold]deskwatch check {path}[/] and [bold]deskwatch run {path}[/]")


@cli.command(epilog="Example: deskwatch check site.yaml")
def check(path: Site = CONFIG, as_json: Json = False) -> None:
    """Say everything that is wrong with a configuration, at once."""
    from monitor.config import ConfigError, load
    from monitor.outbox import open_channels

    try:
        with err.status(f"Checking {path} ..."):
            config = load(path)
            for channel in asyncio.run(open_channels(config.destinations)).values():
                channel.close()
    except (ConfigError, ValueError) as error:
        problems = str(error).splitlines()
        if as_json:
            _print_json({"ok": False, "problems": problems})
        else:
            for problem in problems:
                err.print(problem, markup=False, soft_wrap=True)
            err.print(f"[red]{len(problems)} problem{'s' * (len(problems) != 1)}[/]")
        raise typer.Exit(1) from None
    if as_json:
        _print_json({"ok": True, "assets": len(config.assets), "checks": len(config.checks)})
    else:
        out.print(f"{path}: {len(config.assets)} assets, {len(config.checks)} checks, no problems")


@cli.command(epilog="Example: deskwatch run site.yaml")
def run(path: Site = CONFIG) -> None:
    """Watch a site, alert, and serve the board."""
    if not path.exists():
        _stop(f"{path} does not exist; write one with `deskwatch init`, or look around with `deskwatch demo`")
    _serve(_watch(path))


@cli.command(epilog="Example: deskwatch demo, and from another terminal: deskwatch demo --fault booking-down")
def demo(
    fault: Annotated[str, typer.Option(help="Begin this fault in the demo that is running.")] = "",
    seconds: Annotated[float, typer.Option(help="How long the fault lasts.", min=1, max=3600)] = 60,
    faults: Annotated[bool, typer.Option(help="List the faults.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its files.")] = Path("var/demo"),
    script: Annotated[bool, typer.Option(help="Let faults happen by themselves.")] = True,
    port: Annotated[int, typer.Option(help="Where the board is served.", min=1, max=65535)] = 8470,
) -> None:
    """Watch a simulated coworking site on this machine, in which things break."""
    from monitor.demo import FAULTS, DemoError, trigger

    if faults:
        _print_table("Faults", ("id", "what members notice"), [(one.id, one.notice) for one in FAULTS])
    elif fault:
        try:
            asyncio.run(trigger(folder, fault, seconds))
        except DemoError as error:
            _stop(str(error))
        out.print(f"{fault} has begun and ends in {seconds:g} s")
    else:
        out.print("No site.yaml here: watching a simulated site. For your own network: [bold]deskwatch init[/]")
        _serve(_watch_demo(folder, port, script))


@cli.command(epilog="Example: deskwatch probe internet.http url=https://example.org --explain")
def probe(
    kind: Annotated[str, typer.Argument(help="What to measure: see `deskwatch reference kinds`.")],
    settings: Annotated[list[str] | None, typer.Argument(help="key=value, as in the configuration.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0.1, max=300)] = 5,
    explain: Annotated[bool, typer.Option(help="Say why, with every phase.")] = False,
    as_json: Json = False,
) -> None:
    """Measure something once. Exit status: 0 up, 1 down, 3 unknown."""
    from monitor.once import explained, measured, plain

    try:
        with err.status(f"Measuring, {timeout:g} s at most ..."):
            reading = _run(measured(kind, settings or [], timeout))
    except ValueError as error:
        _stop(str(error))
    if as_json:
        _print_json(plain(kind, reading))
    else:
        lines = explained(kind, reading) if explain else [f"{reading.status}: {reading.detail}"]
        for line in lines:
            out.print(line, markup=False, soft_wrap=True)
    raise typer.Exit({"up": 0, "down": 1, "unknown": 3}[reading.status])


@cli.command(epilog="Example: deskwatch status --json")
def status(path: Site = CONFIG, as_json: Json = False) -> None:
    """Every check as the store last saw it, and the incidents that are open. Exit status 1 if anything is down."""
    from monitor.records import statuses

    rows = _with_store(path, statuses)
    if as_json:
        _print_json(rows)
    else:
        _print_table("Checks", ("check", "status", "since", "seen", "reason"), [tuple(row.values()) for row in rows])
    raise typer.Exit(int(any(row["status"] == "down" for row in rows)))


incidents = typer.Typer(help="The incident log.", no_args_is_help=True)
cli.add_typer(incidents, name="incidents")
Id = Annotated[str, typer.Argument(help="The incident's id, as `deskwatch incidents list` shows it.")]
By = Annotated[str, typer.Option(help="Who does it.")]


@incidents.command("list", epilog="Example: deskwatch incidents list --json")
def list_incidents(path: Site = CONFIG, as_json: Json = False) -> None:
    """The newest incidents."""
    from monitor.records import listed

    rows = _with_store(path, listed)
    if as_json:
        _print_json(rows)
    else:
        columns = ("id", "stage", "severity", "title", "opened", "resolved")
        _print_table("Incidents", columns, [tuple(str(row[column] or "") for column in columns) for row in rows])


@incidents.command("show", epilog="Example: deskwatch incidents show 01JD...")
def show_incident(id: Id, path: Site = CONFIG, as_json: Json = False) -> None:
    """One incident with its timeline."""
    from monitor.records import shown

    record = _with_store(path, lambda config, conn: shown(conn, id))
    if record is None:
        _stop(f"there is no incident {id}")
    if as_json:
        _print_json(record)
        return
    for name, value in record.items():
        if name != "timeline" and value not in (None, ""):
            out.print(f"{name.replace('_', ' ')}: {value}", markup=False, soft_wrap=True)
    for entry in record["timeline"]:
        out.print(f"  {entry['at']}  {entry['who']}: {entry['text']}", markup=False, soft_wrap=True)


@incidents.command("acknowledge", epilog="Example: deskwatch incidents acknowledge 01JD... --by Ana")
def acknowledge_incident(id: Id, by: By, path: Site = CONFIG) -> None:
    """Say that somebody has it: repeats stop."""
    from incidents.lifecycle import acknowledge

    _decide(path, id, lambda incident, now: acknowledge(incident, by, now))


@incidents.command("review", epilog="Example: deskwatch incidents review 01JD... --by Ana --resolution ... --cause ...")
def review_incident(
    id: Id,
    by: By,
    resolution: Annotated[str, typer.Option(help="What was done.")],
    cause: Annotated[str, typer.Option(help="Why it happened.")],
    path: Site = CONFIG,
) -> None:
    """Write down what was done and why it happened."""
    from incidents.lifecycle import review

    _decide(path, id, lambda incident, now: review(incident, resolution, cause, by, now))


@cli.command("notify-test", epilog="Example: deskwatch notify-test chat")
def notify_test(
    destination: Annotated[str, typer.Argument(help="One route's id; all of them if not given.")] = "",
    path: Site = CONFIG,
    as_json: Json = False,
) -> None:
    """Send a test message to each destination and show what the provider says. Exit status 1 if one refuses."""
    from monitor.once import tested

    try:
        with err.status("Waiting for what the providers say ..."):
            results = asyncio.run(tested(_load(path), destination))
    except ValueError as error:
        _stop(str(error))
    if as_json:
        _print_json(results)
    else:
        _print_table("Test messages", ("destination", "at", "outcome", "words"), [tuple(r.values()) for r in results])
    raise typer.Exit(int(any(result["outcome"] != "accepted" for result in results)))


reference = typer.Typer(help="What there is to configure and to measure.", no_args_is_help=True)
cli.add_typer(reference, name="reference")


@reference.command("schema", epilog="Example: deskwatch reference schema > deskwatch.schema.json")
def reference_schema() -> None:
    """The JSON Schema of the configuration, for editors."""
    from monitor.config.schema import schema

    _print_json(schema())


@reference.command("kinds", epilog="Example: deskwatch reference kinds")
def reference_kinds(as_json: Json = False) -> None:
    """Every kind of probe in a sentence."""
    from probes import kinds, load

    rows = [(kind, (load(kind).__doc__ or "").splitlines()[0]) for kind in kinds()]
    if as_json:
        _print_json([{"kind": kind, "what": what} for kind, what in rows])
    else:
        _print_table("Kinds", ("kind", "what it measures"), rows)


@reference.command("probes", epilog="Example: deskwatch reference probes --write docs/probes")
def reference_probes(write: Annotated[Path, typer.Option(help="The folder of pages to bring up to date.")]) -> None:
    """Renew the generated tables in the pages of the kinds."""
    from monitor.reference import update

    for path in update(write):
        out.print(f"{path} renewed")


async def _watch(path: Path, beside: Callable[[Any], Coroutine[Any, Any, None]] | None = None) -> None:
    """Run the service until a signal comes; `beside` runs along with it."""
    from monitor.app import App

    app = await App.open(path)
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: task and task.cancel())
    loop.add_signal_handler(signal.SIGHUP, app.reload_soon)
    await app.run(lambda: _announce(app), *([beside(app)] if beside else []))


async def _watch_demo(folder: Path, port: int, script: bool) -> None:
    from monitor.demo import Demo

    async with Demo(folder, port) as demo:
        await _watch(demo.config_path, (lambda app: demo.play(app.acknowledge)) if script else None)


def _announce(app: Any) -> None:
    """Say where the board is and how to get in."""
    config = app.config
    base = config.server.url or f"http://{config.server.host}:{config.server.port}"
    out.print(f"Watching [bold]{config.site.name}[/]: {len(config.assets)} assets, {len(config.checks)} checks")
    out.print(f"Board: {app.gate.link(base)}", soft_wrap=True)
    out.print("The link signs in once. Ctrl-C ends.")


def _serve(service: Coroutine[Any, Any, None]) -> None:
    """Run until a signal; end with status 1 and the reason if the service cannot start."""
    from monitor.config import ConfigError
    from monitor.demo.errors import DemoError
    from monitor.logs import log_to_stderr
    from monitor.store import StoreError

    log_to_stderr()
    try:
        _run(service)
    except (KeyboardInterrupt, asyncio.CancelledError):
        out.print("Stopped.")
    except (ConfigError, StoreError, DemoError, ValueError) as error:
        _stop(str(error), code=1)
    except OSError as error:
        _stop(f"cannot listen: {error}")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.run(work)
    from uvloop import new_event_loop

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


def _load(path: Path) -> Any:
    from monitor.config import ConfigError, load

    try:
        return load(path)
    except ConfigError as error:
        _stop(str(error), code=1)


def _with_store(path: Path, use: Callable[[Any, Any], Coroutine[Any, Any, T]]) -> T:
    """What `use` makes of the configuration and a connection to its store."""
    from monitor.store import Store, StoreError

    config = _load(path)

    async def used() -> T:
        store = await Store.open(config.storage.url.get_secret_value())
        try:
            async with store.connect() as conn:
                return await use(config, conn)
        finally:
            await store.close()

    try:
        return asyncio.run(used())
    except StoreError as error:
        _stop(str(error), code=1)


def _decide(path: Path, id: str, change: Callable[[Any, Any], Any]) -> None:
    """Apply a decision to a stored incident. The running service reads incidents from the store, so it follows."""
    from datetime import UTC, datetime

    from monitor.store import Store, StoreError
    from monitor.store import incidents as stored

    config = _load(path)

    async def decided() -> Any:
        store = await Store.open(config.storage.url.get_secret_value())
        try:
            async with store.begin() as conn:
                incident = await stored.get(conn, id)
                if incident is not None:
                    incident = change(incident, datetime.now(UTC)).incident
                    await stored.save(conn, incident)
                return incident
        finally:
            await store.close()

    try:
        incident = asyncio.run(decided())
    except StoreError as error:
        _stop(str(error), code=1)
    if incident is None:
        _stop(f"there is no incident {id}; `deskwatch incidents list` shows them", code=1)
    out.print(f"{incident.title}: {incident.stage}", markup=False)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _print_table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    for row in rows:
        # Text, not markup: names and words come from outside.
        table.add_row(*(Text(str(cell)) for cell in row[: len(columns)]))
    out.print(table)


def _stop(message: str, code: int = 2) -> NoReturn:
    err.print(message, markup=False, soft_wrap=True)
    raise typer.Exit(code)
