"""`deskwatch reference scrape`: targets for Prometheus' file-based service discovery."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.console import CONFIG, Site, configured, err, out, stop


def scrape(
    path: Site = CONFIG,
    probes: Annotated[bool, typer.Option("--probes", help="A probe on demand for each check, not /metrics.")] = False,
    by: Annotated[str, typer.Option(help="Web address of the Deskwatch to ask; that of the site if not given.")] = "",
    write: Annotated[Path | None, typer.Option(help="The file to replace at once, instead of printing.")] = None,
) -> None:
    """What Prometheus shall scrape, as a file of its `file_sd_configs`."""
    from monitor.config.values import is_web_address
    from monitor.scrape import Targets, address, probe_groups, site_group

    if by and not is_web_address(by):
        stop(f"--by {by}: must be a web address, like https://watch.example.org")
    config = configured(path)
    try:
        asked = by or address(config.server)
    except ValueError as error:
        stop(str(error))
    found = probe_groups(config, asked) if probes else Targets((site_group(asked),), ())
    text = json.dumps(found.groups, indent=2, ensure_ascii=False) + "\n"
    if write is None:
        sys.stdout.write(text)
    else:
        replace(write, text)
        out.print(f"Wrote {write}: {len(found.groups)} targets", markup=False)
    if found.left_out:
        err.print(f"Left out, for no URL can ask for them: {', '.join(found.left_out)}", markup=False, soft_wrap=True)


def replace(path: Path, text: str) -> None:
    """Write a file that a reader finds whole, the old one or the new one, readable for everybody on this machine."""
    new = path.with_name(f".{path.name}.new")  # no pattern of Prometheus finds it: these end in .json, .yml or .yaml
    try:
        new.write_text(text, encoding="utf-8")
        new.chmod(0o644)
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        stop(f"cannot write {path}: {error.strerror}; name a file in a folder that exists and may be written", code=1)
