"""Doors, and who can enter against who may."""

from grafana.board import Board, Row, details
from grafana.panels import NONE_IS_GOOD, bars, figures, lines, states
from grafana.promql import ask

_AREA = r"access\..*"


def board() -> Board:
    """The dashboard."""
    rows = (_now(), _doors(), _credentials())
    return Board(
        name="doors",
        title="Doors and credentials",
        description="Whether every door works, and whether those can enter who may, and nobody else.",
        rows=(*rows, *details(_AREA, rows)),
        kinds="access.*",
    )


def _now() -> Row:
    return Row(
        "Now",
        (
            figures(
                "Doors offline",
                ask("count(deskwatch_door_online) - sum(deskwatch_door_online)"),
                limits=NONE_IS_GOOD,
            ),
            figures("Doors that are missing", ask("sum(deskwatch_door_missing)"), limits=NONE_IS_GOOD),
            figures("Held open", ask("sum(deskwatch_door_held_open)"), limits=NONE_IS_GOOD),
            figures("Locks with a fault", ask("sum(deskwatch_door_fault)"), limits=NONE_IS_GOOD),
            figures(
                "Access that is not as it should be",
                ask("sum by (state) (deskwatch_credentials)", "{{state}}"),
                width=8,
            ),
        ),
    )


def _doors() -> Row:
    return Row(
        "Doors",
        (
            states(
                "Online",
                ask("deskwatch_door_online", "{{door}}"),
                words={0: ("offline", "red"), 1: ("online", "green")},
            ),
            states("Readers", ask("deskwatch_door_reader_online", "{{asset}} {{reader}}")),
            states("Held open", ask("deskwatch_door_held_open", "{{door}}"), width=8),
            states("Unlocked", ask("deskwatch_door_unlocked", "{{door}}"), width=8),
            bars("Batteries", ask("bottomk(15, deskwatch_door_battery_ratio)", "{{door}}"), most=1),
            lines(
                "Since somebody last used a door",
                ask("deskwatch_door_newest_event_age_seconds", "{{asset}}"),
                width=8,
            ),
            lines("Nobody comes in, in busy hours", ask("deskwatch_door_quiet_seconds", "{{asset}}"), width=8),
            lines("Clocks", ask("deskwatch_door_clock_skew_seconds", "{{asset}}"), width=8),
        ),
    )


def _credentials() -> Row:
    return Row(
        "Credentials",
        (
            lines(
                "Members and their credentials",
                ask("deskwatch_credentials_entitled_members", "{{asset}} members who may enter"),
                ask("deskwatch_credentials_enabled", "{{asset}} credentials switched on"),
            ),
            lines("What is wrong", ask("deskwatch_credentials", "{{asset}} {{state}}")),
            lines("Switched later than they should", ask("deskwatch_credentials_late", "{{asset}} {{change}}")),
            lines(
                "Age of lists that come as files", ask("deskwatch_credentials_list_age_seconds", "{{asset}} {{side}}")
            ),
        ),
    )
