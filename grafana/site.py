"""One site: every asset, what is wrong with it, and the services that everything else needs."""

from grafana.board import Board, Row, details
from grafana.panels import NONE_IS_GOOD, STATUS, bars, figures, heat, lines, sheet, spread, states, status_of
from grafana.promql import ask

SERVICES = ("dns", "http", "ping", "tcp", "tls")
"""Kinds of the area internet that are about services; the others are about lines."""

_AREA = rf"internet\.({'|'.join(SERVICES)})|passive\..*"


def board() -> Board:
    """The dashboard."""
    rows = (_now(), _assets(), _services(), _jobs())
    return Board(
        name="site",
        title="Site",
        description="How every asset of one site is, since when, and how the services answer that it needs.",
        rows=(*rows, *details(_AREA, rows)),
    )


def _now() -> Row:
    return Row(
        "Now",
        (
            figures("Checks down", ask('sum(deskwatch_check_status{status="down"})'), limits=NONE_IS_GOOD),
            figures("Checks unknown", ask('sum(deskwatch_check_status{status="unknown"})')),
            figures("Incidents", ask("sum(deskwatch_asset_incidents_open)"), limits=NONE_IS_GOOD),
            figures(
                "Rooms not ready", ask("count(deskwatch_room_ready) - sum(deskwatch_room_ready)"), limits=NONE_IS_GOOD
            ),
            figures("People on the Wi-Fi", ask("max(deskwatch_headroom_people)")),
            figures("Of the bandwidth they need", ask("min(deskwatch_headroom_ratio)"), unit="percentunit"),
        ),
    )


def _assets() -> Row:
    wrong = 'max by (site, asset, check, kind, status) (deskwatch_check_status{status!="up"}) == 1'
    return Row(
        "Assets",
        (
            states("Worst check of each asset", status_of("asset"), width=24, height=14, words=STATUS),
            sheet("Checks that are not up", {"": ask(wrong)}, width=12),
            lines("Slowest checks", ask("topk(10, probe_duration_seconds)", "{{check}}")),
            lines(
                "Longest without a run",
                ask("topk(10, time() - deskwatch_check_last_run_timestamp_seconds)", "{{check}}"),
                unit="s",
                note="How long ago the newest run of each check began: a check is due again after its interval.",
            ),
            lines("Checks that pass", ask("avg by (site, asset) (probe_success)", "{{asset}}"), unit="percentunit"),
        ),
    )


def _services() -> Row:
    phases = "sum by (phase) (rate(deskwatch_http_phase_seconds_{}[$__rate_interval]))"
    certificates = (
        'bottomk(10, min by (site, asset, check) (deskwatch_certificate_remaining_seconds{certificate="leaf"}))'
    )
    return Row(
        "Services",
        (
            lines(
                "Phases of web pages, on average",
                ask(f"{phases.format('sum')} / {phases.format('count')}", "{{phase}}"),
                stacked=True,
            ),
            heat("Round trips of pings", spread("deskwatch_ping_round_trip_seconds")),
            lines("Loss of pings", ask("probe_icmp_loss_ratio", "{{check}}")),
            lines(
                "Answers of DNS servers",
                ask('probe_dns_duration_seconds{phase="request"}', "{{check}}"),
                part="request",
            ),
            bars("Certificates that expire first", ask(certificates, "{{check}}"), width=12),
            lines("Status of web pages", ask("probe_http_status_code", "{{check}}")),
        ),
    )


def _jobs() -> Row:
    return Row(
        "Jobs, sensors and plugins",
        (
            lines("Since jobs told how they ended", ask("deskwatch_heartbeat_age_seconds", "{{check}}"), width=8),
            lines("Sensors", ask("deskwatch_sensor_value", "{{check}} {{sensor}}"), width=8),
            states(
                "Plugins",
                ask("probe_plugin_state", "{{check}}"),
                width=8,
                words={0: ("ok", "green"), 1: ("warning", "orange"), 2: ("critical", "red")},
            ),
        ),
    )
