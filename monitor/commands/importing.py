"""`deskwatch import`: take over what other programs watch."""

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.console import err, stop

importing = typer.Typer(help="Take over what other programs watch.", no_args_is_help=True)

HEAD = "# From {path}, each alerting rule as a check. Goes into a folder beside site.yaml: `deskwatch check FOLDER`.\n"


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

    try:
        found = imported(path.read_text("utf-8"), url)
    except OSError as error:
        stop(f"{path} cannot be read: {error.strerror}")
    except ValueError as error:
        stop(f"{path}: {error}", code=1)
    typer.echo(HEAD.format(path=path) + yaml.safe_dump(found.document, sort_keys=False, allow_unicode=True, width=120))
    for note in found.notes:
        err.print(note, markup=False, soft_wrap=True)
