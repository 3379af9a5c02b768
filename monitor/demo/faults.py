"""What can go wrong at Harbour Street: each fault is a peer in a mood."""

from typing import NamedTuple


class Fault(NamedTuple):
    """One thing that breaks.

    `notice` is what members would say of it. `peer` is the part of the site that misbehaves and `mood` how. `checks`
    are those that find it, and all of them give `reason`.
    """

    id: str
    notice: str
    peer: str
    mood: str
    checks: tuple[str, ...]
    reason: str


_PAGES = ("booking/login", "booking/availability")

FAULTS = (
    Fault(
        "booking-down", "The booking page says that it is being maintained.", "booking", "down", _PAGES, "wrong_status"
    ),
    Fault("booking-slow", "The booking page never finishes loading.", "booking", "slow", _PAGES, "timeout"),
    Fault(
        "booking-wrong",
        "The booking page opens, but shows no rooms.",
        "booking",
        "wrong",
        ("booking/availability",),
        "unexpected_json",
    ),
    Fault(
        "certificate-expired",
        "Browsers warn of the booking page.",
        "booking",
        "expired",
        ("booking/tls",),
        "certificate_expired",
    ),
    Fault("dns-garbage", "Pages open only now and then.", "resolver", "garbage", ("line/dns",), "malformed"),
    Fault("dns-silent", "No page opens, though the Wi-Fi is fine.", "resolver", "silent", ("line/dns",), "timeout"),
    Fault("door-mute", "New key cards do not open any door.", "doors", "mute", ("doors/panel",), "timeout"),
    Fault("door-offline", "One of the four doors does not open.", "doors", "offline", ("doors/panel",), "unexpected"),
    Fault("door-refused", "No door opens by phone.", "doors", "refused", ("doors/panel",), "refused"),
)


def find(id: str) -> Fault | None:
    """The fault of that id."""
    return next((fault for fault in FAULTS if fault.id == id), None)
