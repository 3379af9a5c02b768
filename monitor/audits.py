"""An audit of who can enter, for people: what is wrong in words, what to do about it, as a list to hand on, signed."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ulid import ULID

from language import N_, gettext
from language import figures as written
from monitor import escaping
from monitor.config.model import Check, Config
from monitor.escaping import unmarked
from monitor.store.signoffs import Signoff
from probes._engines.credentials import Audit, Finding, State

KIND = "access.credentials"
LONGEST_NAME = 100
"""Characters of the name of whoever signs."""
LONGEST_NOTE = 2000

_TITLES = {
    State.ORPHANED: N_("Can enter without a contract"),
    State.MISSING: N_("Have a contract and cannot enter"),
    State.DUPLICATE: N_("Share a card, or count twice"),
    State.OVER_PRIVILEGED: N_("Can enter at hours beyond their contract"),
    State.STALE: N_("Have a credential that nobody has used for long"),
}
_ADVICE = {
    State.ORPHANED: N_(
        "Switch the credential off in the access system. Whoever needs no contract (staff, cleaners) belongs on the "
        "list of those who are allowed; whoever has one after all needs the same e-mail address on both sides."
    ),
    State.MISSING: N_(
        "Give them a credential now, and find out why it did not come by itself. If they have one under another "
        "address, make both the same."
    ),
    State.DUPLICATE: N_(
        "Give everybody a card of their own: of a shared one nobody knows who came, and it stays on when one of them "
        "leaves."
    ),
    State.OVER_PRIVILEGED: N_("Move them to the group of their plan, or change the plan."),
    State.STALE: N_("Ask whether it is still needed; take cards back, and switch off what was lost."),
}
_STATES = {
    State.ORPHANED: N_("orphaned"),
    State.MISSING: N_("missing"),
    State.DUPLICATE: N_("duplicate"),
    State.OVER_PRIVILEGED: N_("over privileged"),
    State.STALE: N_("stale"),
}
_LONG_NAME = N_("the name has {number} characters; at most {most} are kept")
_LONG_NOTE = N_("the note has {number} characters; at most {most} are kept")
_COLUMNS = ("finding", "name", "email", "since", "note", "what to do")


class Section(NamedTuple):
    """Findings of one sort, with what they are and what to do about them."""

    title: str
    advice: str
    findings: tuple[Finding, ...]


def checks(config: Config) -> tuple[Check, ...]:
    """The checks that audit who can enter."""
    return tuple(check for check in config.checks if check.kind == KIND)


def sections(audit: Audit) -> tuple[Section, ...]:
    """What an audit found, what harms most first, and at the end what is not due yet."""
    due = [Section(gettext(_TITLES[state]), gettext(_ADVICE[state]), audit.ripe(state)) for state in State]
    wait = gettext("Nothing to do yet: the time that is allowed for it is not over.")
    return tuple(one for one in (*due, Section(gettext("Not due yet"), wait, audit.unripe)) if one.findings)


def who(finding: Finding) -> str:
    """The people that a finding is about."""
    return ", ".join(finding.names)


def note(finding: Finding) -> str:
    """What is known of a finding beside its people; what is not due yet says what it will be."""
    return finding.words if finding.ripe else f"{expected(finding)}; {finding.words}"


def expected(finding: Finding) -> str:
    """What a finding will be that is not due yet, in a sentence."""
    title = gettext(_TITLES[finding.state])
    return f"{title[:1].lower()}{title[1:]}"


def rows(audit: Audit, zone: ZoneInfo) -> Iterator[tuple[str, ...]]:
    """What an audit found, a line each, on the site's clock: see `_COLUMNS`."""
    for section in sections(audit):
        for one in section.findings:
            since = f"{one.since.astimezone(zone):%Y-%m-%d %H:%M}"
            yield section.title, who(one), ", ".join(one.emails), since, note(one), section.advice


def as_csv(audit: Audit, zone: ZoneInfo) -> str:
    """What an audit found as CSV, in which no spreadsheet takes a name for a formula."""
    return escaping.as_csv((_COLUMNS, *rows(audit, zone)))


def as_markdown(audit: Audit, check: str, zone: ZoneInfo) -> str:
    """An audit as a page of Markdown, in which names are text."""
    lines = [f"# Access audit: {check}", "", f"Made on {audit.at.astimezone(zone):%Y-%m-%d %H:%M}. {figures(audit)}"]
    for section in sections(audit):
        lines += ["", f"## {section.title}: {len(section.findings)}", "", section.advice, ""]
        lines += ["| Who | E-mail | Since | What is known |", "| --- | --- | --- | --- |"]
        for one in section.findings:
            cells = (who(one), ", ".join(one.emails), f"{one.since.astimezone(zone):%Y-%m-%d %H:%M}", note(one))
            lines.append(f"| {' | '.join(map(unmarked, cells))} |")
    return "\n".join([*lines, ""])


def as_json(audit: Audit) -> dict[str, Any]:
    """An audit for programs."""
    found = [
        {
            "state": str(one.state),
            "due": one.ripe,
            "names": list(one.names),
            "emails": list(one.emails),
            "since": one.since.isoformat(timespec="seconds"),
            "note": one.words,
        }
        for one in audit.findings
    ]
    return {"at": audit.at.isoformat(timespec="seconds"), "figures": audit.figures, "findings": found}


def figures(audit: Audit) -> str:
    """What was compared, and how timely changes were, in a sentence or two."""
    found = audit.figures
    said = [
        gettext(
            "Members who may enter: {entitled}. Credentials that are on: {enabled} of {listed}. In the last 90 days "
            "switched on too late: {activated_late}, off too late: {deactivated_late}.",
            **found,
        )
    ]
    if "failed_pushes" in found:
        said.append(gettext("Changes that did not reach the locks in 24 h: {failed_pushes}.", **found))
    return " ".join(said)


def fingerprint(audit: Audit) -> str:
    """What stands for the findings of an audit: two that found the same have the same."""
    found = [(one.state, one.ripe, one.names, one.emails, one.since.timestamp()) for one in audit.findings]
    return hashlib.sha256(repr(found).encode()).hexdigest()


def totals(figures: Mapping[str, int]) -> str:
    """The findings among stored figures, in a line."""
    found = [f"{gettext(_STATES[state])}: {figures[state]}" for state in State if figures.get(state)]
    return ", ".join(found) or gettext("no findings")


def signed(check: str, audit: Audit, who: str, note: str, now: datetime) -> Signoff:
    """Somebody's word that they have looked through an audit. Raises ValueError, with the remedy, for no name."""
    name = " ".join(who.split())
    if not name:
        raise ValueError(gettext("write your name: a sign-off without one is nobody's"))
    for fault, text, most in ((_LONG_NAME, name, LONGEST_NAME), (_LONG_NOTE, note, LONGEST_NOTE)):
        if len(text) > most:
            raise ValueError(gettext(fault, number=written(f"{len(text):,}"), most=written(f"{most:,}")))
    return Signoff(str(ULID()), check, now, name, note.strip(), audit.at, audit.figures)
