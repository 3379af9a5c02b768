"""What people must write down before an incident counts as reviewed."""

from alerting.rules import Severity


def missing(severity: Severity, resolution: str, root_cause: str) -> tuple[str, ...]:
    """The fields that are still to be filled in, in the order of the form; () when the review is complete.

    A warning needs only what was done about it; a critical fault also why it happened, so that it does not return.
    """
    written = {"resolution": resolution, "root_cause": root_cause}
    needed = ("resolution", "root_cause") if severity is Severity.CRITICAL else ("resolution",)
    return tuple(field for field in needed if not written[field].strip())
