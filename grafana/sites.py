"""All sites: which one needs somebody."""

from collections.abc import Sequence

from grafana.board import Board, Row
from grafana.panels import NONE_IS_GOOD, STATUS, figures, lines, link, sheet, states, status_of
from grafana.promql import ask


def board() -> Board:
    """The dashboard."""
    return Board(
        name="sites",
        title="Sites",
        description="Which site needs somebody now, and how the last day was at each.",
        rows=_rows(),
    )


def _rows() -> Sequence[Row]:
    to_site = "/d/deskwatch-site?var-site=${__data.fields.site}&${datasource:queryparam}&${deskwatch_url:queryparam}"
    each = {
        "checks down": ask('sum by (site) (deskwatch_check_status{status="down"})'),
        "checks unknown": ask('sum by (site) (deskwatch_check_status{status="unknown"})'),
        "incidents": ask("sum by (site) (deskwatch_asset_incidents_open)"),
        "rooms not ready": ask("count by (site) (deskwatch_room_ready) - sum by (site) (deskwatch_room_ready)"),
        "people on the Wi-Fi": ask("max by (site) (deskwatch_headroom_people)"),
        "of the bandwidth they need": ask("min by (site) (deskwatch_headroom_ratio)"),
        "lines on backup": ask("sum by (site) (deskwatch_egress_on_backup)"),
    }
    return (
        Row(
            "Now",
            (
                figures("Sites", ask("count(group by (site) (deskwatch_check_status))")),
                figures("Checks down", ask('sum(deskwatch_check_status{status="down"})'), limits=NONE_IS_GOOD),
                figures("Checks unknown", ask('sum(deskwatch_check_status{status="unknown"})')),
                figures(
                    "Incidents", ask("sum by (severity) (deskwatch_asset_incidents_open)", "{{severity}}"), width=6
                ),
                figures("Lines on backup", ask("sum(deskwatch_egress_on_backup)"), limits=NONE_IS_GOOD, width=6),
                sheet("Each site", each, links={"site": link("Look at ${__data.fields.site}", to_site)}),
            ),
        ),
        Row(
            "The last day",
            (
                states("Worst check of each site", status_of("site"), width=24, words=STATUS),
                lines(
                    "Checks that pass",
                    ask("avg by (site) (probe_success)", "{{site}}"),
                    unit="percentunit",
                    note="Share of the checks of each site whose target works; what is unknown is left out.",
                ),
                lines("Incidents", ask("sum by (site) (deskwatch_asset_incidents_open)", "{{site}}")),
            ),
        ),
    )
