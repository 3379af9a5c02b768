"""Booking and payments: whether members can book, and whether the money comes in."""

from grafana.board import Board, Row, details
from grafana.panels import STATUS, figures, lines, states, status_of
from grafana.promql import ask

_AREA = r"booking\..*"


def board() -> Board:
    """The dashboard."""
    rows = (_now(), _platform(), _payments())
    return Board(
        name="booking",
        title="Booking and payments",
        description="Whether members can book, calendars are in step, and payments go through.",
        rows=(*rows, *details(_AREA, rows)),
        kinds="booking.*",
    )


def _now() -> Row:
    return Row(
        "Now",
        (
            states("Checks", status_of("asset", "check"), words=STATUS),
            figures("Bookings today", ask("deskwatch_booking_events_today", "{{check}}"), height=8),
            figures("Payments that failed", ask("deskwatch_payments_failure_ratio", "{{asset}}"), height=8),
            figures(
                "Account may",
                ask("deskwatch_payments_enabled", "{{what}}"),
                height=8,
                words={0: ("no", "red"), 1: ("yes", "green")},
            ),
        ),
    )


def _platform() -> Row:
    return Row(
        "Platform and calendars",
        (
            lines("Steps of the portal", ask("deskwatch_portal_seconds", "{{asset}} {{step}}"), stacked=True),
            lines("Answer whether a room is free", ask("deskwatch_booking_availability_seconds", "{{check}} {{part}}")),
            lines("Calendar without a change", ask("deskwatch_booking_feed_age_seconds", "{{check}}"), width=8),
            lines("Calendar against platform", ask("deskwatch_booking_feed_drift_events", "{{check}}"), width=8),
            lines(
                "Calendars that expired", ask("deskwatch_booking_expired_calendars", "{{check}} {{provider}}"), width=8
            ),
        ),
    )


def _payments() -> Row:
    return Row(
        "Payments",
        (
            lines("Attempts", ask("deskwatch_payments_attempts", "{{asset}} {{outcome}}"), width=8, stacked=True),
            lines("Invoices", ask("deskwatch_invoices", "{{asset}} {{state}}"), width=8),
            lines("Late money", ask("deskwatch_invoices_late_amount", "{{asset}} {{currency}}"), width=8),
            lines("Webhooks", ask("deskwatch_payments_webhooks", "{{asset}} {{state}}"), width=8),
            lines(
                "Events that webhooks did not take", ask("deskwatch_payments_undelivered_events", "{{asset}}"), width=8
            ),
            lines(
                "Disputes and failed payouts",
                ask("deskwatch_payments_disputes", "{{asset}} disputes"),
                ask("deskwatch_payments_failed_payouts", "{{asset}} payouts"),
                width=8,
            ),
        ),
    )
