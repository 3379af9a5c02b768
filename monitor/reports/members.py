"""What to tell members of a fault: one friendly sentence that promises nothing."""

from alerting.rules import Severity
from incidents.messages import plain
from language import N_, gettext
from monitor.config.model import Asset, Check

_BROKEN = {
    "uplinks": N_("The internet is slower than usual right now; we are on it."),
    "wifi": N_("The network {name} does not work right now; we are on it and will tell you when it is back."),
    "doors": N_("{name}: please ring or come to the front desk, we will let you in."),
    "booking": N_("{name} does not work right now; please come to the front desk to book."),
    "rooms": N_("{name} has a technical problem right now; if you have booked it, please come to the front desk."),
    "equipment": N_("{name} does not work right now; we are on it."),
    "services": N_("{name} does not work as it should right now; we are on it."),
}
_WORSE = {
    "uplinks": N_("The internet may be slower than usual right now; we are on it."),
    "wifi": N_("The network {name} may be slow at the moment; we are on it."),
    "doors": N_("{name} may need a second try at the moment; if you are stuck, ring the front desk."),
    "booking": N_("{name} may be slow at the moment; the front desk can book for you."),
    "rooms": N_("{name} has a small technical problem at the moment; the front desk can help you."),
    "equipment": N_("{name} does not work quite as it should at the moment; we are on it."),
    "services": N_("{name} may not work as it should at the moment; we are on it."),
}
_UNSEEN = ("passive.", "access.credentials")
"""What members do not notice: backups, syncs, audits."""


def tell(asset: Asset, severity: Severity, *, is_down: bool) -> str:
    """The sentence about a fault; "" where members notice nothing.

    What is down does not work, however little it matters to the staff.
    """
    if severity is Severity.INFO or not is_noticed(asset):
        return ""
    sentences = _BROKEN if is_down or severity is Severity.CRITICAL else _WORSE
    return gettext(sentences.get(asset.section, ""), name=plain(asset.name))


def is_noticed(asset: Asset) -> bool:
    """Whether members notice that it fails: not a backup line that stands by, and not what only staff depends on."""
    if asset.people == 0 or (asset.uplink is not None and asset.uplink.role == "backup"):
        return False
    return not asset.checks or any(_is_for_members(check) for check in asset.checks)


def _is_for_members(check: Check) -> bool:
    return not check.kind.startswith(_UNSEEN) and getattr(check.params, "role", "") != "operations"
