"""Everything that can be asked of the API."""

from datetime import date
from typing import Annotated

from pydantic import Field

from monitor.people.roles import Role
from monitor.web import figures, live
from monitor.web.api import (
    audit_log,
    checks,
    incidents,
    oncall,
    openapi,
    reports,
    silences,
    site,
)
from monitor.web.api import incident_models as records
from monitor.web.api.endpoint import JSON, Endpoint
from monitor.web.api.models import Body, Shown
from monitor.web.api.paging import Page, Paged


class FigurePushed(Body):
    """A figure of a day; a month is its first day."""

    name: Annotated[str, Field(max_length=60)]
    day: date
    value: float


class FiguresKept(Shown):
    """How many figures were kept."""

    kept: int


_STATUS = (
    Endpoint("GET", "/site", Role.VIEWER, "The site, and whether Deskwatch works", site.site, "status",
             gives=site.SiteShown),
    Endpoint("GET", "/assets", Role.VIEWER, "What is watched, and how it is", site.assets, "status",
             query=site.AssetsAsked, gives=Page[site.AssetShown]),
    Endpoint("GET", "/assets/{asset}", Role.VIEWER, "One asset", site.asset, "status",
             gives=site.AssetShown, tagged=True),
    Endpoint("GET", "/checks", Role.VIEWER, "Checks with their newest readings", checks.checks, "status",
             query=checks.ChecksAsked, gives=Page[checks.CheckShown]),
    Endpoint("GET", "/checks/{asset}/{name}", Role.VIEWER, "One check with its newest reading", checks.check, "status",
             gives=checks.CheckShown, tagged=True),
    Endpoint("POST", "/checks/{asset}/{name}/run", Role.OPERATOR, "Run a check now", checks.run, "status",
             gives=checks.RunShown, audit="check run"),
    Endpoint("GET", "/events", Role.VIEWER, "An event whenever something may have changed", live.events, "status",
             direct=True, comes_as="text/event-stream"),
)  # fmt: skip

_INCIDENTS = (
    Endpoint("GET", "/incidents", Role.VIEWER, "Incidents, newest first", incidents.listed, "incidents",
             query=records.IncidentsAsked, gives=Page[records.IncidentBrief]),
    Endpoint("POST", "/incidents", Role.OPERATOR, "Report what no check has noticed", incidents.report, "incidents",
             body=records.Reported, gives=records.IncidentShown, status=201, audit="incident reported", tagged=True),
    Endpoint("GET", "/incidents/{incident}", Role.VIEWER, "One incident with its whole record", incidents.one,
             "incidents", gives=records.IncidentShown, tagged=True),
    Endpoint("POST", "/incidents/{incident}/acknowledge", Role.OPERATOR, "Say that you have it", incidents.acknowledge,
             "incidents", gives=records.IncidentShown, audit="incident acknowledged", tagged=True),
    Endpoint("POST", "/incidents/{incident}/fixed", Role.OPERATOR, "Say that it is over", incidents.fixed, "incidents",
             gives=records.IncidentShown, audit="incident called fixed", tagged=True),
    Endpoint("POST", "/incidents/{incident}/notes", Role.OPERATOR, "Add a line to the timeline", incidents.note,
             "incidents", body=records.Note, gives=records.IncidentShown, audit="incident noted", tagged=True),
    Endpoint("PATCH", "/incidents/{incident}/review", Role.OPERATOR, "Write down why it happened", incidents.review,
             "incidents", body=records.Reviewed, gives=records.IncidentShown, audit="incident reviewed", tagged=True),
    Endpoint("POST", "/incidents/{incident}/actions", Role.OPERATOR, "Add something that is to be done",
             incidents.add_action, "incidents", body=records.ActionWanted, gives=records.IncidentShown,
             audit="action added", tagged=True),
    Endpoint("POST", "/incidents/{incident}/actions/{action}/done", Role.OPERATOR, "Say that it has been done",
             incidents.end_action, "incidents", gives=records.IncidentShown, audit="action done", tagged=True),
)  # fmt: skip

_ALERTING = (
    Endpoint("GET", "/silences", Role.VIEWER, "Silences that have not ended", silences.listed, "alerting",
             query=Paged, gives=Page[silences.SilenceShown]),
    Endpoint("POST", "/silences", Role.OPERATOR, "Begin a silence", silences.begin, "alerting",
             body=silences.SilenceWanted, gives=silences.SilenceShown, status=201, audit="silence begun", tagged=True),
    Endpoint("GET", "/silences/{silence}", Role.VIEWER, "One silence", silences.one, "alerting",
             gives=silences.SilenceShown, tagged=True),
    Endpoint("POST", "/silences/{silence}/end", Role.OPERATOR, "End a silence now", silences.end, "alerting",
             gives=silences.SilenceShown, audit="silence ended", tagged=True),
    Endpoint("GET", "/on-call", Role.VIEWER, "Who is on call now", oncall.now, "alerting", gives=oncall.OnCall),
    Endpoint("GET", "/overrides", Role.VIEWER, "Who takes schedules over", oncall.listed, "alerting",
             query=Paged, gives=Page[oncall.OverrideShown]),
    Endpoint("POST", "/overrides", Role.OPERATOR, "Have somebody take a schedule over", oncall.make, "alerting",
             body=oncall.OverrideWanted, gives=oncall.OverrideShown, status=201, audit="override made", tagged=True),
    Endpoint("GET", "/overrides/{override}", Role.VIEWER, "One override", oncall.one, "alerting",
             gives=oncall.OverrideShown, tagged=True),
    Endpoint("DELETE", "/overrides/{override}", Role.OPERATOR, "Take an override back", oncall.remove, "alerting",
             status=204, audit="override removed", tagged=True),
)  # fmt: skip

_RECORD = (
    Endpoint("GET", "/availability", Role.VIEWER, "How available everything was", reports.availability, "record",
             query=reports.AvailabilityAsked, gives=reports.AvailabilityShown),
    Endpoint("GET", "/reports", Role.VIEWER, "Reports, newest first", reports.listed, "record",
             query=reports.ReportsAsked, gives=Page[reports.ReportBrief]),
    Endpoint("POST", "/reports", Role.OPERATOR, "Make a report about a day, week or month", reports.make, "record",
             body=reports.ReportWanted, gives=reports.Made, status=201, audit="report made"),
    Endpoint("GET", "/reports/{report}", Role.VIEWER, "One report with all that it says", reports.one, "record",
             gives=reports.ReportShown, tagged=True),
    Endpoint("POST", "/figures", Role.MACHINE, "Push figures for the memos", figures.push, "record",
             body=list[FigurePushed], gives=FiguresKept, audit="figures pushed", direct=True,
             takes=(JSON, "text/csv")),
    Endpoint("GET", "/audit-log", Role.ADMIN, "Who did what, newest first", audit_log.listed, "record",
             query=audit_log.EntriesAsked, gives=Page[audit_log.EntryShown]),
)  # fmt: skip

ENDPOINTS: tuple[Endpoint, ...] = (
    *_STATUS,
    *_INCIDENTS,
    *_ALERTING,
    *_RECORD,
    Endpoint("GET", "/openapi.json", Role.PUBLIC, "What can be asked", lambda request: openapi.show(ENDPOINTS),
             "status", direct=True, gives=dict[str, object]),
)  # fmt: skip
