"""What can go wrong at Harbour Street: each fault is a device in a mood."""

from collections.abc import Mapping
from typing import NamedTuple


class Fault(NamedTuple):
    """One thing that breaks.

    `notice` is what members would say of it. `device` is the part of the site that misbehaves and `mood` how. `down`
    holds the checks that go DOWN, with their reason; `rules` are those that open of checks that stay UP, like
    "printer/printer jam".
    """

    id: str
    notice: str
    device: str
    mood: str
    down: Mapping[str, str]
    rules: tuple[str, ...] = ()

    @property
    def assets(self) -> frozenset[str]:
        """Ids of the assets that show it."""
        return frozenset(found.partition("/")[0] for found in (*self.down, *self.rules))


FAULTS = (
    Fault(
        "access-point-lost",
        "The Wi-Fi on the second floor is weak.",
        "wifi",
        "lost",
        {},
        ("wifi-members/snmp access-point-down",),
    ),
    Fault(
        "backup-fails",
        "Nothing, until somebody needs the backup.",
        "backup",
        "fails",
        {"nightly-backup/heartbeat": "failed"},
    ),
    Fault(
        "backup-line-down",
        "Nothing, until the fibre fails as well.",
        "internet",
        "no backup",
        {"lte/uplink": "blocked"},
    ),
    Fault(
        "booking-down",
        "The booking page says that it is being maintained.",
        "booking",
        "down",
        {"booking/login": "wrong_status", "booking/availability": "wrong_status"},
    ),
    Fault(
        "booking-slow",
        "The booking page never finishes loading.",
        "booking",
        "slow",
        {"booking/login": "timeout", "booking/availability": "timeout"},
    ),
    Fault(
        "booking-wrong",
        "The booking page opens, but shows no rooms.",
        "booking",
        "wrong",
        {"booking/availability": "unexpected_json"},
    ),
    Fault(
        "calendars-expired",
        "Meetings in the company calendar do not show as booked.",
        "platform",
        "expired",
        {},
        ("booking/platform calendars-expired",),
    ),
    Fault(
        "camera-unplugged",
        "In the Harbour room, the others see nobody.",
        "codec",
        "camera",
        {"room-harbour/codec": "missing", "room-harbour/readiness": "not_ready"},
    ),
    Fault(
        "certificate-expired",
        "Browsers warn of the booking page.",
        "booking",
        "expired",
        {"booking/tls": "certificate_expired"},
    ),
    Fault(
        "display-hot",
        "Nothing: nobody has booked the Lighthouse room for now.",
        "display",
        "hot",
        {"room-lighthouse/display": "fault"},
    ),
    Fault(
        "dns-garbage",
        "Pages open only now and then.",
        "resolver",
        "garbage",
        {"name-server/dns": "malformed"},
    ),
    Fault(
        "dns-silent",
        "No page opens, though the Wi-Fi is fine.",
        "resolver",
        "silent",
        {"name-server/dns": "timeout"},
    ),
    Fault("door-mute", "New key cards do not open any door.", "access", "mute", {"doors/unifi": "timeout"}),
    Fault(
        "door-offline",
        "The bike room does not open.",
        "access",
        "offline",
        {"doors/unifi": "panel_offline"},
    ),
    Fault("door-refused", "No door opens by phone.", "access", "refused", {"doors/unifi": "refused"}),
    Fault(
        "failover",
        "Pages load slowly: the fibre is dead, and everybody is on LTE.",
        "internet",
        "failover",
        {"fibre/uplink": "blocked"},
        ("internet/egress backup",),
    ),
    Fault(
        "members-wifi-off",
        "The members' Wi-Fi is gone.",
        "wifi",
        "members off",
        {"wifi-members/snmp": "ssid_disabled"},
    ),
    Fault("power-cut", "The lights are out.", "ups", "on battery", {}, ("ups/ups on-battery",)),
    Fault("printer-jam", "Nothing comes out of the printer.", "printer", "jam", {}, ("printer/printer jam",)),
    Fault(
        "projector-lamp",
        "The screen in the Harbour room stays dark.",
        "projector",
        "lamp",
        {"room-harbour/projector": "fault", "room-harbour/readiness": "not_ready"},
    ),
    Fault("toner-low", "Prints get pale.", "printer", "toner low", {}, ("printer/printer supply-low",)),
)


def find(id: str) -> Fault | None:
    """The fault of that id."""
    return next((fault for fault in FAULTS if fault.id == id), None)
