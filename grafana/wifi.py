"""The Wi-Fi as members meet it: networks, access points, and what every device needs to get in."""

from grafana.board import Board, Row, details
from grafana.panels import bars, figures, lines, states
from grafana.promql import ask

_AREA = r"wifi\..*"


def board() -> Board:
    """The dashboard."""
    rows = (_now(), _networks(), _access_points(), _joining())
    return Board(
        name="wifi",
        title="Wi-Fi",
        description="Whether both networks are on the air, who is on them, and whether devices get in.",
        rows=(*rows, *details(_AREA, rows)),
        kinds="wifi.*",
    )


def _now() -> Row:
    return Row(
        "Now",
        (
            figures("Devices", ask("deskwatch_wifi_clients", "{{asset}}"), width=8),
            figures("Access points", ask("deskwatch_wifi_access_points", "{{asset}} {{state}}"), width=8),
            states(
                "Reachable from the members' network",
                ask("deskwatch_segmentation_reachable", "{{asset}} {{target}}"),
                width=8,
                words={0: ("closed", "green"), 1: ("open", "red")},
                note="What must stay out of reach. Where nothing is shown, the positive control did not answer either.",
            ),
        ),
    )


def _networks() -> Row:
    return Row(
        "Networks",
        (
            states(
                "Switched on",
                ask("deskwatch_wifi_ssid_enabled", "{{asset}} {{ssid}}"),
                words={0: ("off", "red"), 1: ("on", "green")},
            ),
            lines("Devices of each network", ask("deskwatch_wifi_ssid_clients", "{{asset}} {{ssid}}"), stacked=True),
            lines("Radios of each network", ask("deskwatch_wifi_ssid_radios", "{{asset}} {{ssid}}")),
            lines("Joining that failed", ask("deskwatch_wifi_join_failure_ratio", "{{asset}} {{stage}}")),
        ),
    )


def _access_points() -> Row:
    return Row(
        "Access points",
        (
            states("Online", ask("deskwatch_wifi_access_point_up", "{{access_point}}")),
            bars("Most devices", ask("topk(15, deskwatch_wifi_access_point_clients)", "{{access_point}}"), width=12),
            lines("Busiest air", ask("topk(10, deskwatch_wifi_channel_utilization_ratio)", "{{radio}}")),
            states("Radios on the air", ask("deskwatch_wifi_radio_up", "{{radio}}")),
        ),
    )


def _joining() -> Row:
    return Row(
        "Getting in",
        (
            lines("Address", ask("deskwatch_dhcp_offer_seconds", "{{asset}}"), width=8),
            lines("Servers that give addresses", ask("deskwatch_dhcp_servers", "{{asset}}"), width=8),
            lines(
                "Sign-in by RADIUS",
                ask("deskwatch_radius_answer_seconds", "{{asset}} {{question}}"),
                width=8,
                part="accept",
            ),
            lines("Names", ask("deskwatch_resolver_median_seconds", "{{asset}}"), width=8),
            lines("Portal", ask("deskwatch_captive_portal_seconds", "{{asset}} {{step}}"), width=8),
            lines(
                "Requests that RADIUS left unanswered",
                ask("deskwatch_wifi_radius_unanswered_ratio", "{{asset}} {{server}}"),
                width=8,
            ),
        ),
    )
