"""Meeting rooms: ready for the next meeting, or not, and why."""

from grafana.board import Board, Row, details
from grafana.families import Limit
from grafana.panels import BAD, GOOD, NONE_IS_GOOD, bars, figures, lines, states
from grafana.promql import ask

_AREA = r"rooms\..*"
_STANDARD = (Limit(None, GOOD), Limit(60, BAD))
"""A meeting starts within a minute of entering the room."""


def board() -> Board:
    """The dashboard."""
    rows = (_now(), _readiness(), _air(), _devices())
    return Board(
        name="rooms",
        title="Rooms",
        description="Which rooms are ready, until when, and what is wrong with the others.",
        rows=(*rows, *details(_AREA, rows)),
        kinds="rooms.*",
    )


def _now() -> Row:
    return Row(
        "Now",
        (
            figures("Rooms", ask("count(deskwatch_room_ready)")),
            figures(
                "Not ready",
                ask("count(deskwatch_room_ready) - sum(deskwatch_room_ready)"),
                limits=NONE_IS_GOOD,
            ),
            figures("Booked", ask("sum(deskwatch_room_booked)")),
            figures(
                "Next booking",
                ask("(deskwatch_room_next_booking_timestamp_seconds > time()) * 1000", "{{asset}}"),
                width=6,
                note="A room without a booking ahead is not shown.",
            ),
            figures(
                "Ready until",
                ask("(deskwatch_room_ready_until_timestamp_seconds > time()) * 1000", "{{asset}}"),
                width=6,
                note="A room that is booked or not ready now is not shown.",
            ),
        ),
    )


def _readiness() -> Row:
    return Row(
        "Readiness",
        (
            states(
                "Ready",
                ask("deskwatch_room_ready", "{{asset}}"),
                width=24,
                words={0: ("not ready", "red"), 1: ("ready", "green")},
            ),
            states(
                "Booked",
                ask("deskwatch_room_booked", "{{asset}}"),
                words={0: ("free", "text"), 1: ("booked", "blue")},
            ),
            lines(
                "Checks that keep rooms from being ready",
                ask('deskwatch_room_devices{state!="up"}', "{{asset}} {{state}}"),
            ),
            bars(
                "From asleep to a picture", ask("deskwatch_room_wake_seconds", "{{asset}}"), width=12, limits=_STANDARD
            ),
            states(
                "In use",
                ask("deskwatch_room_in_use", "{{asset}}"),
                ask("deskwatch_room_system_in_use", "{{room}}"),
                words={0: ("unused", "text"), 1: ("in use", "blue")},
            ),
        ),
    )


def _air() -> Row:
    return Row(
        "People and air",
        (
            lines("People", ask("deskwatch_room_people", "{{asset}}"), width=8),
            lines("Temperature", ask("deskwatch_room_temperature_celsius", "{{asset}}"), width=8),
            lines(
                "Carbon dioxide",
                ask("1e6 * deskwatch_room_co2_ratio", "{{asset}}"),
                width=8,
                unit="ppm",
                note="In parts per million.",
            ),
        ),
    )


def _devices() -> Row:
    return Row(
        "Devices",
        (
            states("Displays that are on", ask('deskwatch_display_power{state="on"}', "{{check}}"), width=8),
            states("Faults of displays", ask("deskwatch_display_fault == 1", "{{check}} {{component}}"), width=8),
            states("Registered", ask("deskwatch_room_registered", "{{asset}} {{service}}"), width=8),
            states(
                "Rooms online at their makers",
                ask("deskwatch_room_system_online", "{{room}}"),
                width=8,
                words={0: ("offline", "red"), 1: ("online", "green")},
            ),
            bars(
                "Lamps, of their life", ask("topk(15, deskwatch_display_lamp_used_ratio)", "{{asset}} {{lamp}}"), most=1
            ),
            states(
                "Visible for sharing",
                ask("deskwatch_mdns_visible", "{{asset}} {{name}}"),
                width=8,
                words={0: ("hidden", "red"), 1: ("visible", "green")},
            ),
        ),
    )
