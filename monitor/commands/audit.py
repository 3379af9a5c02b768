"""`deskwatch audit`: who can enter and should not, the reviews that fall due, and who has signed them off."""

from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.commands.console import (
    CONFIG,
    Json,
    Site,
    Where,
    configured,
    err,
    out,
    print_json,
    print_table,
    stop,
    with_store,
)

audit = typer.Typer(
    help="Audits and reviews: who can enter and who may, what falls due, who signed.", no_args_is_help=True
)

_SIGNED = ("at", "check", "who", "findings", "note")
_FOUND = ("finding", "name", "email", "since", "note")
_REVIEWS = ("check", "state", "due", "signed", "every", "what")


@audit.command("credentials", epilog="Example: deskwatch audit credentials site.yaml --csv audit.csv")
def credentials(
    path: Site = CONFIG,
    check: Annotated[str, typer.Option(help="Which check, as ASSET/NAME; needed if there are several.")] = "",
    csv: Annotated[Path | None, typer.Option(help="Write the findings to this file, for a spreadsheet.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a page of Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Compare credentials and members once and print what is wrong, with names.

    Exit status 1 if something is, 3 if nothing can be concluded.
    """
    import asyncio

    from monitor import audits
    from monitor.once import audited
    from monitor.store import memories

    config = configured(path)
    chosen = _chosen(audits.checks(config), check, path)
    known = with_store(path, lambda _config, conn: memories.everything(conn))
    with err.status("Reading both lists ..."):
        reading, made = asyncio.run(audited(chosen, known))
    if made is None:
        stop(f"nothing can be concluded: {reading.detail}", code=3)
    zone = config.site.hours.zone
    if csv is not None:
        _write(csv, audits.as_csv(made, zone))
    if as_json:
        print_json(audits.as_json(made))
    elif markdown:
        out.print(audits.as_markdown(made, chosen.id, zone), markup=False, soft_wrap=True, end="")
    elif csv is None:
        print_table(f"Access audit: {chosen.id}", _FOUND, audits.rows(made, zone))
        out.print(audits.figures(made), markup=False, soft_wrap=True)
    raise typer.Exit(int(reading.status == "down" or bool(made.ripe())))


@audit.command("signoffs", epilog="Example: deskwatch audit signoffs --json")
def list_signoffs(path: Site = CONFIG, as_json: Json = False) -> None:
    """Who has looked through an audit or done a review, when, and how it stood."""
    from monitor.audits import totals
    from monitor.records import signed_off

    rows = with_store(path, signed_off)
    if as_json:
        print_json(rows)
    else:
        found = [{**row, "findings": totals(row["figures"]) if row["figures"] else ""} for row in rows]
        print_table("Sign-offs", _SIGNED, [tuple(str(row[name]) for name in _SIGNED) for row in found])


@audit.command("reviews", epilog="Example: deskwatch audit reviews --json")
def list_reviews(path: Site = CONFIG, as_json: Json = False) -> None:
    """What has to be looked through by the calendar; what is due first comes first.

    Exit status 1 if something is overdue.
    """
    from datetime import UTC, datetime

    from monitor.reviews import State, standing, summary

    found = with_store(path, lambda config, conn: standing(config, conn, datetime.now(UTC)))
    rows = [summary(one) for one in found]
    if as_json:
        print_json(rows)
    else:
        print_table("Reviews", _REVIEWS, [tuple(str(row[name]) for name in _REVIEWS) for row in rows])
    raise typer.Exit(int(any(one.state is State.OVERDUE for one in found)))


@audit.command(
    "sign-off", epilog='Example: deskwatch audit sign-off restore-test/review --note "laptop 3 restored, 41 min"'
)
def sign_off(
    check: Annotated[str, typer.Argument(help="The review, as ASSET/NAME; `deskwatch audit reviews` shows them.")],
    note: Annotated[str, typer.Option(help="The evidence: what was done and what was found.")],
    link: Annotated[str, typer.Option(help="A web address where more of it is.")] = "",
    by: Annotated[str, typer.Option(help="Who has done it; the user of this machine unless said.")] = "",
    path: Where = CONFIG,
) -> None:
    """Say with evidence that a review was done. The running service takes notice within seconds."""
    from datetime import UTC, datetime

    from monitor.reviews import next_due, signed
    from monitor.store import signoffs

    async def kept(config: Any, conn: Any) -> str:
        one = signed(config, check, by or _user(), note, link, datetime.now(UTC))
        await signoffs.save(conn, one)
        return f"{check}: signed off by {one.who}; due again on {next_due(config, one)}"

    try:
        out.print(with_store(path, kept, writes=True), markup=False, soft_wrap=True)
    except ValueError as error:
        stop(str(error))


def _user() -> str:
    """The name of whoever runs the command, "" if this machine knows none."""
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):
        return ""


def _chosen(found: tuple[Any, ...], check: str, path: Path) -> Any:
    """The check that is meant; ends the command if that is none, or not clear."""
    ids = ", ".join(one.id for one in found)
    if not found:
        stop(
            f"{path} has no check of the kind access.credentials; docs/probes/access.credentials.md says how to add one"
        )
    if check:
        meant = next((one for one in found if one.id == check), None)
        if meant is None:
            stop(f"there is no audit `{check}`; there are {ids}")
        return meant
    if len(found) > 1:
        stop(f"there are several audits: {ids}; choose one with --check")
    return found[0]


def _write(file: Path, text: str) -> None:
    """Write names where nobody but the caller can read them."""
    import os

    try:
        with os.fdopen(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8-sig"
        ) as opened:
            opened.write(text)
    except OSError as error:
        stop(f"{file} cannot be written: {error.strerror}; give another name")
    out.print(f"Wrote {file}: it holds names; delete it when it is no longer needed", markup=False, soft_wrap=True)
