"""The lines to the internet: what the contracts promise, and what is measured."""

from grafana.board import Board, Mark, Row, details
from grafana.panels import bars, figures, heat, lines, spread, states
from grafana.promql import Asked, ask
from grafana.site import SERVICES
from probes import kinds

_AREA = "|".join(kind for kind in kinds() if kind.startswith("internet.") and kind.split(".")[1] not in SERVICES)


def board() -> Board:
    """The dashboard."""
    rows = (_now(), _contract(), _quality(), _people(), _gateway())
    return Board(
        name="uplinks",
        title="Uplinks",
        description="Whether providers keep their promises, which line carries the traffic, and whether it is enough.",
        rows=(*rows, *details(_AREA, rows)),
        kinds=_AREA,
        marked=(
            Mark("On backup", "orange", "max by (site, asset) (deskwatch_egress_on_backup)", "{{site}} is on backup"),
            Mark(
                "Gateway on backup",
                "yellow",
                "max by (site, asset) (deskwatch_gateway_on_backup)",
                "{{asset}} sends traffic over a backup line",
            ),
        ),
    )


def _now() -> Row:
    failovers = ask("sum by (site) (increase(deskwatch_egress_failovers_total[$__range]))", "{{site}}")
    return Row(
        "Now",
        (
            figures(
                "Traffic",
                ask("deskwatch_egress_on_backup", "{{site}}"),
                words={0: ("primary", "green"), 1: ("backup", "orange")},
            ),
            figures("Failovers", failovers, note="In the time that the dashboard shows."),
            figures("Newest failover took", ask("deskwatch_egress_failover_seconds", "{{site}}")),
            states(
                "Line that carries traffic",
                ask("deskwatch_egress_uplink", "{{uplink}}"),
                words={0: ("idle", "text"), 1: ("carries", "green")},
            ),
        ),
    )


def _contract() -> Row:
    return Row(
        "Contract",
        (
            lines("Download", *_against_contract("down")),
            lines("Upload", *_against_contract("up")),
            bars(
                "Of what the contract promises",
                ask("deskwatch_throughput_contract_ratio", "{{asset}} {{direction}}"),
                width=12,
                most=1,
            ),
            lines(
                "Longer answers on a full line",
                ask("deskwatch_throughput_latency_increase_seconds", "{{asset}} {{direction}}"),
            ),
        ),
    )


def _against_contract(direction: str) -> tuple[Asked, Asked]:
    of = f'{{direction="{direction}"}}'
    return (
        ask(f"deskwatch_throughput_bytes_per_second{of}", "{{asset}} measured"),
        ask(f"deskwatch_uplink_contract_bytes_per_second{of}", "{{asset}} contract"),
    )


def _quality() -> Row:
    return Row(
        "Quality",
        (
            lines("Loss", ask("deskwatch_uplink_recent_loss_ratio", "{{asset}}")),
            lines(
                "Round trip",
                ask('deskwatch_uplink_rtt_seconds{stat="median"}', "{{asset}} median"),
                ask('deskwatch_uplink_rtt_seconds{stat="p95"}', "{{asset}} 95 %"),
                ask("deskwatch_uplink_contract_rtt_seconds", "{{asset}} contract"),
            ),
            heat("Round trips of all runs", spread("deskwatch_uplink_round_trip_seconds")),
            lines("Jitter", ask("deskwatch_uplink_jitter_seconds", "{{asset}}")),
            states(
                "Destinations that answer",
                ask("deskwatch_uplink_target_up", "{{asset}} {{target}}"),
                words={0: ("silent", "red"), 1: ("answers", "green")},
            ),
            lines(
                "Services over each line",
                ask("deskwatch_uplink_dns_seconds", "{{asset}} DNS"),
                ask("deskwatch_uplink_tcp_seconds", "{{asset}} TCP"),
                ask("deskwatch_uplink_http_seconds", "{{asset}} web page"),
            ),
        ),
    )


def _people() -> Row:
    return Row(
        "Headroom",
        (
            lines(
                "Download for each person", ask("deskwatch_headroom_bytes_per_second_per_person", "{{asset}}"), width=8
            ),
            lines("Of what a person needs", ask("deskwatch_headroom_ratio", "{{asset}}"), width=8),
            lines("People", ask("deskwatch_headroom_people", "{{asset}}"), width=8),
        ),
    )


def _gateway() -> Row:
    return Row(
        "As the gateway sees it",
        (
            states("Lines that work", ask("deskwatch_gateway_line_up", "{{asset}} {{line}}")),
            states("Lines that carry traffic", ask("deskwatch_gateway_line_carries", "{{asset}} {{line}}")),
            lines("Loss", ask("deskwatch_gateway_line_loss_ratio", "{{asset}} {{line}}")),
            lines("Round trip", ask("deskwatch_gateway_line_latency_seconds", "{{asset}} {{line}}")),
        ),
    )
