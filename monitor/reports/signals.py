"""What a month's figures mean together: whether things work, are done by hand, or annoy those who use them."""

from typing import NamedTuple

from incidents.messages import percent
from language import gettext
from monitor.config.model import Targets
from monitor.reports.document import Mark, Paragraph

FLAT = 0.02
"""A share that moves by less than this is flat."""


class Month(NamedTuple):
    """What signals are read from; None where nobody knows. `tickets` is for each member and month."""

    availability: float | None
    tickets: float | None
    adoption: float | None
    automation: float | None
    automation_before: float | None


def read(month: Month, targets: Targets) -> tuple[Paragraph, ...]:
    """Every pattern that fits, as a sentence with what to do."""
    found = (_working(month, targets), _by_hand(month, targets), _unreliable(month, targets), _flat(month))
    return tuple(one for one in found if one is not None)


def _working(month: Month, targets: Targets) -> Paragraph | None:
    if month.availability is None or month.tickets is None:
        return None
    if month.availability <= targets.availability or month.tickets > targets.tickets:
        return None
    text = gettext("It works: things were up, and members had little to report. Leave it as it is.")
    return Paragraph(text, Mark.GOOD)


def _by_hand(month: Month, targets: Targets) -> Paragraph | None:
    if month.adoption is None or month.adoption >= targets.adoption:
        return None
    text = gettext(
        "Only {share} of the members use the app: staff does by hand what it is meant to do. "
        "Ask five members what keeps them from it, and show it to everybody who is new.",
        share=percent(month.adoption),
    )
    return Paragraph(text, Mark.WATCH)


def _unreliable(month: Month, targets: Targets) -> Paragraph | None:
    if month.adoption is None or month.tickets is None:
        return None
    if month.adoption < targets.adoption or month.tickets <= targets.tickets:
        return None
    text = gettext(
        "Members use it and report many faults: it is there but not reliable. Take the incidents of this month to the "
        "vendor, and agree on what is mended by when."
    )
    return Paragraph(text, Mark.BAD)


def _flat(month: Month) -> Paragraph | None:
    if month.automation is None or month.automation_before is None:
        return None
    if month.automation - month.automation_before >= FLAT or month.automation >= 1 - FLAT:
        return None
    text = gettext(
        "No more is done without staff than the month before ({share}): the platform saves no "
        "work that it did not save already. Review what it is paid for.",
        share=percent(month.automation),
    )
    return Paragraph(text, Mark.WATCH)
