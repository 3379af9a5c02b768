"""Deskwatch itself: whether it measures on time, can write, and reaches those whom it has to tell."""

from grafana.board import Board, Row, rest
from grafana.panels import BAD, GOOD, NONE_IS_GOOD, Word, columns, figures, heat, lines, spread, states
from grafana.promql import ask
from monitor.metrics_reference import of_service

_FINE: dict[int, Word] = {0: ("no", BAD), 1: ("yes", GOOD)}
_FAILS: dict[int, Word] = {0: ("works", GOOD), 1: ("fails", BAD)}


def board() -> Board:
    """The dashboard."""
    rows = (_now(), _measuring(), _telling(), _outside())
    others = [family for family in of_service() if "incident" not in family.name]
    return Board(
        name="self",
        title="Own health",
        description="Whether Deskwatch measures on time, can write, and reaches those whom it has to tell.",
        rows=(*rows, rest("More", others, rows)),
    )


def _now() -> Row:
    return Row(
        "Now",
        (
            figures("Store can be written", ask("deskwatch_store_writable", "{{instance}}"), words=_FINE),
            figures("Configuration taken", ask("deskwatch_config_last_reload_successful", "{{instance}}"), words=_FINE),
            figures("Messages that wait", ask("sum(deskwatch_messages_waiting)"), limits=NONE_IS_GOOD),
            figures("Destinations that fail", ask("sum(deskwatch_destination_failing)"), limits=NONE_IS_GOOD),
            figures(
                "Configuration is from",
                ask("deskwatch_config_last_reload_success_timestamp_seconds * 1000", "{{instance}}"),
            ),
            figures("Version", ask("count by (version) (deskwatch_build_info)", "{{version}}")),
        ),
    )


def _measuring() -> Row:
    late = (
        "histogram_quantile({}, sum by (le, instance) (rate(deskwatch_schedule_lag_seconds_bucket[$__rate_interval])))"
    )
    return Row(
        "Measuring",
        (
            lines(
                "How late runs begin",
                ask(late.format(0.5), "{{instance}} median"),
                ask(late.format(0.99), "{{instance}} 99 %"),
                width=8,
            ),
            heat("Lateness of all runs", spread("deskwatch_schedule_lag_seconds"), width=8),
            columns(
                "Runs", ask("sum by (status) (increase(deskwatch_runs_total[$__rate_interval]))", "{{status}}"), width=8
            ),
            lines(
                "At work",
                ask("deskwatch_runs_running", "{{instance}} measuring"),
                ask("deskwatch_runs_waiting", "{{instance}} waiting"),
                ask("deskwatch_readings_pending", "{{instance}} to be judged"),
                width=8,
            ),
            columns(
                "Left out, as the last run still went",
                ask("sum by (kind) (increase(deskwatch_runs_skipped_total[$__rate_interval]) > 0)", "{{kind}}"),
                width=8,
            ),
            columns(
                "Failures that were not confirmed",
                ask("sum by (kind) (increase(deskwatch_unconfirmed_failures_total[$__rate_interval]) > 0)", "{{kind}}"),
                width=8,
            ),
        ),
    )


def _telling() -> Row:
    outcome = "sum by (destination, outcome) (increase(deskwatch_messages_total[$__rate_interval]) > 0)"
    return Row(
        "Store and messages",
        (
            columns(
                "Transactions",
                ask("sum(increase(deskwatch_commits_total[$__rate_interval]))", "taken"),
                ask("sum(increase(deskwatch_commit_failures_total[$__rate_interval]))", "refused"),
                width=8,
            ),
            lines("Messages that wait", ask("deskwatch_messages_waiting", "{{destination}}"), width=8),
            columns("Attempts to deliver", ask(outcome, "{{destination}} {{outcome}}"), width=8),
            states("Destinations", ask("deskwatch_destination_failing", "{{destination}}"), words=_FAILS),
            lines(
                "Since a message was last taken",
                ask(
                    "time() - (deskwatch_destination_last_accepted_timestamp_seconds > 0)",
                    "{{destination}}",
                ),
                unit="s",
                note="A destination that never took one is not shown.",
            ),
        ),
    )


def _outside() -> Row:
    return Row(
        "Watched from outside",
        (
            columns(
                "Signs of life",
                ask("increase(deskwatch_watchdog_sent_total[$__rate_interval])", "{{instance}} taken"),
                ask("increase(deskwatch_watchdog_withheld_total[$__rate_interval])", "{{instance}} withheld"),
                ask("increase(deskwatch_watchdog_failed_total[$__rate_interval])", "{{instance}} lost"),
                width=8,
            ),
            columns(
                "Told to Alertmanagers",
                ask("increase(deskwatch_alertmanager_posts_total[$__rate_interval])", "{{peer}} {{outcome}}"),
                width=8,
            ),
            columns(
                "Alerts from elsewhere",
                ask("increase(deskwatch_alerts_received_total[$__rate_interval])", "{{instance}} {{outcome}}"),
                width=8,
            ),
        ),
    )
