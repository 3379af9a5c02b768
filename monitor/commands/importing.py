"""`deskwatch import`: take over what other programs watch."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from monitor.commands.console import err, stop

if TYPE_CHECKING:
    from monitor.migrate.draft import Migration

T = TypeVar("T")

importing = typer.Typer(help="Take over what other programs watch.", no_args_is_help=True)

HEAD = "# From {path}, each alerting rule as a check. Goes into a folder beside site.yaml: `deskwatch check FOLDER`.\n"

Out = Annotated[Path | None, typer.Option(help="The file to write, which must not exist; standard output unless said.")]
SiteId = Annotated[str, typer.Option("--site", help="Make a whole configuration of the site with this id.")]
TimeZone = Annotated[str, typer.Option(help="Time zone of that site, like Europe/Berlin.")]


@importing.command(
    "prometheus-rules", epilog="Example: deskwatch import prometheus-rules rules.yml > site/prometheus.yaml"
)
def prometheus_rules(
    path: Annotated[Path, typer.Argument(help="A file of Prometheus rules.", metavar="RULES")],
    url: Annotated[str, typer.Option(help="Where Prometheus is.")] = "http://127.0.0.1:9090",
) -> None:
    """Print Prometheus' alerting rules as checks that ask it the same; what cannot be carried over goes to stderr."""
    import yaml

    from monitor.prometheus_rules import imported

    found = _read(path, lambda: imported(path.read_text("utf-8"), url))
    typer.echo(HEAD.format(path=path) + yaml.safe_dump(found.document, sort_keys=False, allow_unicode=True, width=120))
    for note in found.notes:
        err.print(note, markup=False, soft_wrap=True)


@importing.command(
    "blackbox", epilog="Example: deskwatch import blackbox blackbox.yml --targets prometheus.yml --out site/web.yaml"
)
def blackbox(
    path: Annotated[Path, typer.Argument(help="Configuration of blackbox_exporter.", metavar="BLACKBOX")],
    targets: Annotated[Path | None, typer.Option(help="Configuration of the Prometheus that asks it.")] = None,
    out: Out = None,
    site: SiteId = "",
    timezone: TimeZone = "UTC",
) -> None:
    """Make checks of blackbox_exporter's modules, of the targets that Prometheus gives them if that is known."""
    from monitor.migrate import blackbox, prometheus_targets
    from monitor.migrate.draft import Draft
    from monitor.migrate.files import text_of, texts_of

    draft, found = Draft("blackbox"), None
    if targets is not None:
        folder = targets.parent
        found = _read(
            targets,
            lambda: prometheus_targets.targets(text_of(targets), lambda pattern: texts_of(folder, pattern), draft),
        )
    _tell(_read(path, lambda: blackbox.migrated(text_of(path), found, draft)), path, out, site, timezone)


@importing.command(
    "uptime-kuma", epilog="Example: deskwatch import uptime-kuma kuma.db --site harbour --timezone Europe/Lisbon"
)
def uptime_kuma(
    path: Annotated[Path, typer.Argument(help="Its kuma.db, or a backup in JSON of version 1.", metavar="FILE")],
    out: Out = None,
    site: SiteId = "",
    timezone: TimeZone = "UTC",
) -> None:
    """Make assets of Uptime Kuma's monitors. Its database is only read."""
    from monitor.migrate import kuma
    from monitor.migrate.kuma_source import kuma_of

    _tell(_read(path, lambda: kuma.migrated(kuma_of(path))), path, out, site, timezone)


@importing.command("gatus", epilog="Example: deskwatch import gatus config.yaml --out site/gatus.yaml")
def gatus(
    path: Annotated[Path, typer.Argument(help="Configuration of Gatus.", metavar="CONFIG")],
    out: Out = None,
    site: SiteId = "",
    timezone: TimeZone = "UTC",
) -> None:
    """Make assets of Gatus' endpoints."""
    from monitor.migrate import gatus
    from monitor.migrate.files import text_of

    _tell(_read(path, lambda: gatus.migrated(text_of(path))), path, out, site, timezone)


def _read(path: Path, read: Callable[[], T]) -> T:
    """What is read of a file; ends the command when it cannot be read, or is not what it should be."""
    try:
        return read()
    except OSError as error:
        stop(f"{error.filename or path} cannot be read: {error.strerror}")
    except ValueError as error:
        stop(f"{path}: {error}", code=1)


def _tell(migration: "Migration", path: Path, out: Path | None, site: str, timezone: str) -> None:
    """Write what a migration made, and say what became of everything."""
    from monitor.migrate.rendering import rendered, summary

    text = rendered(migration, str(path), {"id": site, "timezone": timezone} if site else None)
    if migration.sections:
        _write(text, out)
    for line in summary(migration):
        err.print(line, markup=False, soft_wrap=True)
    if not migration.sections:
        stop(f"{path}: nothing could be carried over", code=1)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        stop(f"{out} exists; move it away, or say another --out")
    except OSError as error:
        stop(f"{out} cannot be written: {error.strerror}")
