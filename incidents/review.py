"""What people must write down before an incident counts as reviewed."""

from typing import TYPE_CHECKING

from alerting.rules import Severity

if TYPE_CHECKING:
    from incidents.lifecycle import Incident


def missing(incident: "Incident") -> tuple[str, ...]:
    """The fields that are still to be filled in, in the order of the form; () when the review is complete.

    A warning needs only what was done about it; a critical fault also why it happened, so that it does not return.
    """
    needed = ("resolution", "root_cause") if incident.severity is Severity.CRITICAL else ("resolution",)
    return tuple(field for field in needed if not getattr(incident, field).strip())
