"""Incidents: how many, how fast somebody had them, how long they lasted, and what they are of."""

from grafana.board import Board, Row
from grafana.panels import BAD, GOOD, NONE_IS_GOOD, Word, bars, columns, figures, heat, lines, spread, states
from grafana.promql import Asked, ask

_LIVE: dict[int, Word] = {0: ("quiet", GOOD), 1: ("incident", BAD), 2: ("incidents", BAD), 3: ("incidents", BAD)}


def board() -> Board:
    """The dashboard."""
    return Board(
        name="incidents",
        title="Incidents",
        description="What is open, how long it takes until somebody has it and until it is over, and what it is of.",
        rows=(_now(), _over_time(), _assets()),
        since="now-7d",
    )


def _now() -> Row:
    return Row(
        "In this time",
        (
            figures(
                "Open now", ask("sum by (severity) (deskwatch_incidents_open)", "{{severity}}"), limits=NONE_IS_GOOD
            ),
            figures("Opened", _count("deskwatch_incidents_opened_total")),
            figures("Resolved", _count("deskwatch_incidents_resolved_total")),
            figures(
                "Mean time to acknowledge",
                _mean("deskwatch_incident_acknowledged_after_seconds"),
                width=6,
                note="MTTA: of the incidents that somebody acknowledged in the time shown.",
            ),
            figures(
                "Mean time to resolve",
                _mean("deskwatch_incident_resolved_after_seconds"),
                width=6,
                note="MTTR: of the incidents that ended in the time shown.",
            ),
        ),
    )


def _over_time() -> Row:
    opened = "sum by (severity) (increase(deskwatch_incidents_opened_total[$__rate_interval]))"
    return Row(
        "Over time",
        (
            lines("Open", ask("sum by (severity) (deskwatch_incidents_open)", "{{severity}}"), stacked=True),
            columns("Opened", ask(opened, "{{severity}}")),
            heat("Time to acknowledge", spread("deskwatch_incident_acknowledged_after_seconds")),
            heat("Time to resolve", spread("deskwatch_incident_resolved_after_seconds")),
        ),
    )


def _assets() -> Row:
    live = "sum by (site, asset) (deskwatch_asset_incidents_open)"
    share = f"topk(10, avg_over_time(clamp_max({live}, 1)[$__range:1m]) > 0)"
    return Row(
        "What they are of",
        (
            states(
                "Assets with an incident",
                ask(f"{live} and (max_over_time({live}[$__range:1m] @ end()) > 0)", "{{asset}}"),
                width=24,
                words=_LIVE,
                note="Only assets that had one in the time shown.",
            ),
            bars("Most of the time in trouble", ask(share, "{{asset}}"), width=24, unit="percentunit", most=1),
        ),
    )


def _count(counter: str) -> Asked:
    return ask(f"sum by (severity) (increase({counter}[$__range]))", "{{severity}}")


def _mean(histogram: str) -> Asked:
    total, number = (f"sum by (severity) (increase({histogram}_{end}[$__range]))" for end in ("sum", "count"))
    return ask(f"{total} / ({number} > 0)", "{{severity}}")
