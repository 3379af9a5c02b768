"""The `deskwatch` command."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from monitor.commands import answers
from monitor.commands.audit import audit
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
from monitor.commands.figures import figures
from monitor.commands.importing import importing
from monitor.commands.incidents import incidents
from monitor.commands.links import links
from monitor.commands.oncall import oncall
from monitor.commands.remote import Address, CaFile, TokenFile, choose, with_server
from monitor.commands.report import report
from monitor.commands.scrape import scrape
from monitor.commands.silence import silence
from monitor.commands.simulate import simulate
from monitor.commands.user import user
from monitor.commands.why import why

T = TypeVar("T")

cli = typer.Typer(
    name="deskwatch",
    help="Watches the internet, Wi-Fi, doors, booking and rooms of a coworking space.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def main() -> None:
    """Entry point."""
    cli()


@cli.callback()
def begin(context: typer.Context, server: Address = "", token_file: TokenFile = None, ca_file: CaFile = None) -> None:
    """What holds for every command."""
    choose(context, server, token_file, ca_file)


@cli.command(epilog="Example: deskwatch init site.yaml")
def init(path: Site = CONFIG, force: Annotated[bool, typer.Option(help="Overwrite an existing file.")] = False) -> None:
    """Write a first configuration for this machine's own network."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from monitor.config.init import first_config, survey

    if path.exists() and not force:
        stop(f"{path} exists; give another name, or --force to overwrite it")
    machine = survey()
    today = datetime.now(ZoneInfo(machine.timezone)).date()
    path.write_text(first_config(machine, today), encoding="utf-8")
    out.print(f"Wrote {path}. Look through it, then: [bold]deskwatch check {path}[/] and [bold]deskwatch run {path}[/]")


@cli.command(epilog="Example: deskwatch check site.yaml")
def check(path: Site = CONFIG, as_json: Json = False) -> None:
    """Say everything that is wrong with a configuration, at once."""
    from alerting.apprise import open_channels
    from monitor.config import ConfigError, load

    try:
        with err.status(f"Checking {path} ..."):
            config = load(path)
            for channel in asyncio.run(open_channels(config.destinations)).values():
                channel.close()
    except (ConfigError, ValueError) as error:
        problems = str(error).splitlines()
        if as_json:
            print_json({"ok": False, "problems": problems})
        else:
            for problem in problems:
                err.print(problem, markup=False, soft_wrap=True)
            err.print(f"[red]{len(problems)} problem{'s' * (len(problems) != 1)}[/]")
        raise typer.Exit(1) from None
    if as_json:
        print_json({"ok": True, "assets": len(config.assets), "checks": len(config.checks)})
    else:
        watched = f"{len(config.assets)} assets, {len(config.checks)} checks"
        out.print(f"{path}: {watched}, no problems", markup=False, soft_wrap=True)


@cli.command(epilog="Example: deskwatch run site.yaml")
def run(path: Site = CONFIG) -> None:
    """Watch a site, alert, and serve the board."""
    if not path.exists():
        stop(f"{path} does not exist; write one with `deskwatch init`, or look around with `deskwatch demo`")
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
        print_table("Faults", ("id", "what members notice"), [(one.id, one.notice) for one in FAULTS])
    elif fault:
        try:
            asyncio.run(trigger(folder, fault, seconds))
        except DemoError as error:
            stop(str(error))
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
        stop(str(error))
    if as_json:
        print_json(plain(kind, reading))
    else:
        lines = explained(kind, reading) if explain else [f"{reading.status}: {reading.detail}"]
        for line in lines:
            out.print(line, markup=False, soft_wrap=True)
    raise typer.Exit({"up": 0, "down": 1, "unknown": 3}[reading.status])


@cli.command(epilog="Example: deskwatch status --json")
def status(path: Site = CONFIG, as_json: Json = False) -> None:
    """Every check as the store last saw it, and the incidents that are open. Exit status 1 if anything is down."""
    if far := SERVER.get():
        rows = with_server(far, answers.statuses)
    else:
        from monitor.records import statuses

        rows = with_store(path, statuses)
    if as_json:
        print_json(rows)
    else:
        print_table("Checks", ("check", "status", "since", "seen", "reason"), [tuple(row.values()) for row in rows])
    raise typer.Exit(int(any(row["status"] == "down" for row in rows)))


@cli.command("notify-test", epilog="Example: deskwatch notify-test chat")
def notify_test(
    destination: Annotated[str, typer.Argument(help="A route, a person or PERSON/CONTACT; all if not given.")] = "",
    path: Site = CONFIG,
    as_json: Json = False,
) -> None:
    """Send a test message to each destination and show what the provider says. Exit status 1 if one refuses."""
    from monitor.trials import trial_lines, tried

    try:
        with err.status("Waiting for what the providers say ..."):
            results = asyncio.run(tried(configured(path), destination))
    except ValueError as error:
        stop(str(error))
    if as_json:
        print_json(results)
    else:
        for line in (line for result in results for line in trial_lines(result)):
            out.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(int(any(result["outcome"] != "accepted" for result in results)))


cli.add_typer(incidents, name="incidents")
cli.add_typer(silence, name="silence")
cli.add_typer(oncall, name="oncall")
cli.add_typer(links, name="links")
cli.add_typer(audit, name="audit")
cli.add_typer(user, name="user")
cli.add_typer(report, name="report")
cli.add_typer(figures, name="figures")
cli.add_typer(importing, name="import")
cli.command("simulate", epilog="Example: deskwatch simulate edited-site.yaml --last 30d")(simulate)
cli.command("why", epilog='Example: deskwatch why booking-system/http --at "2026-12-06 02:30"')(why)

reference = typer.Typer(help="What there is to configure and to measure.", no_args_is_help=True)
cli.add_typer(reference, name="reference")


@reference.command("schema", epilog="Example: deskwatch reference schema > deskwatch.schema.json")
def reference_schema() -> None:
    """The JSON Schema of the configuration, for editors."""
    from monitor.config.schema import schema

    print_json(schema())


@reference.command("kinds", epilog="Example: deskwatch reference kinds")
def reference_kinds(as_json: Json = False) -> None:
    """Every kind of probe in a sentence."""
    from monitor.reference import told
    from probes import kinds

    rows = [(kind, told(kind)) for kind in kinds()]
    if as_json:
        print_json([{"kind": kind, "what": what} for kind, what in rows])
    else:
        print_table("Kinds", ("kind", "what it measures"), rows)


@reference.command("probes", epilog="Example: deskwatch reference probes --write docs/probes")
def reference_probes(write: Annotated[Path, typer.Option(help="The folder of pages to bring up to date.")]) -> None:
    """Renew the generated tables in the pages of the kinds."""
    from monitor.reference import update

    for path in update(write):
        out.print(f"{path} renewed")


@reference.command(
    "metrics", epilog="Example: deskwatch reference metrics --write docs/operations/metrics-reference.md"
)
def reference_metrics(write: Annotated[Path, typer.Option(help="The page to bring up to date.")]) -> None:
    """Renew the page of all metric families."""
    from monitor.metrics_reference import tables
    from monitor.reference import with_generated

    page = write.read_text("utf-8")
    try:
        wanted = with_generated(page, tables())
    except ValueError as error:
        stop(f"{write}: {error}")
    if wanted != page:
        write.write_text(wanted, "utf-8")
        out.print(f"{write} renewed")


reference.command(
    "scrape", epilog="Example: deskwatch reference scrape --write /etc/prometheus/deskwatch/harbour.json"
)(scrape)


async def _watch(path: Path, beside: Callable[[Any], Coroutine[Any, Any, None]] | None = None) -> None:
    """Run the service until a signal comes; `beside` runs along with it."""
    from monitor.app import App

    app = await App.open(path)
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: task and task.cancel())
    loop.add_signal_handler(signal.SIGHUP, app.reload_soon)
    by_link = await app.opens_by_link()
    await app.run(lambda: _announce(app, by_link), *([beside(app)] if beside else []))


async def _watch_demo(folder: Path, port: int, script: bool) -> None:
    from monitor.demo import Demo

    async with Demo(folder, port) as demo:
        await _watch(demo.config_path, (lambda app: demo.play(app.acknowledge)) if script else None)


def _announce(app: Any, by_link: bool) -> None:
    """Say where the board is and how to get in."""
    config = app.config
    scheme = "http" if config.server.tls is None else "https"
    base = config.server.url or f"{scheme}://{config.server.host}:{config.server.port}"
    watched = f"{len(config.assets)} assets, {len(config.checks)} checks"
    out.print(f"Watching {config.site.name}: {watched}", markup=False, soft_wrap=True)
    out.print(f"Board: {app.gate.link(base) if by_link else base}", soft_wrap=True)
    out.print(f"{'The link signs in once' if by_link else 'Sign in with name and password'}. Ctrl-C ends.")


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
        stop(str(error), code=1)
    except OSError as error:
        stop(f"cannot listen: {error}")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.run(work)
    from uvloop import new_event_loop

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)
