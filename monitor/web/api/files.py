"""Files of an incident, and incidents and reports as files to take away."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from monitor.store import attachments
from monitor.store.attachments import LONGEST_NAME
from monitor.web import incident_record, incidents
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.incidents import found
from monitor.web.api.models import Shown, Text
from monitor.web.api.paging import Page, Query
from monitor.web.api.problems import Fault, Unfit
from monitor.web.api.reports import report_of
from monitor.web.incidents import incident_id
from monitor.web.reports import SHAPES, file_of

BYTES = "application/octet-stream"
SHOWN_AS = tuple(shape.type for shape in SHAPES.values())
"""In which media types incidents and reports come."""

ShapeName: TypeAlias = Literal["html", "txt", "md", "csv", "json"]


class FileShown(Shown):
    """A file of an incident: `type` is told from its content, `size` is bytes, `digest` its SHA-256."""

    id: str
    name: Text
    type: str
    size: int
    digest: str
    at: datetime
    who: Text


class FileNamed(Query):
    """What a file is called."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class ShapeAsked(Query):
    """In which shape it comes."""

    shape: ShapeName


async def listed(call: Call) -> Reply:
    """GET /incidents/INCIDENT/files: oldest first."""
    incident = await found(call)
    async with call.app.store.connect() as conn:
        all = await attachments.of_incident(conn, incident.id)
    some, next = paging.part(call.request, all, call.query, lambda one: one.id)
    return Reply(Page[FileShown](items=[_shown(one) for one in some], next=next or None), next=next)


async def attach(call: Call) -> Reply:
    """POST /incidents/INCIDENT/files: what is sent is the file itself."""
    id = incident_id(call.part("incident"))
    call.note(id)
    try:
        made = await incident_record.keep(call.app, id, call.query.name, call.body, call.who)
    except ValueError as error:
        raise Unfit(Fault("body", str(error))) from None
    return Reply(_shown(made), f"/incidents/{id}/files/{made.id}")


async def download(call: Call) -> Reply:
    """GET /incidents/INCIDENT/files/FILE."""
    return Reply(await incident_record.kept(call.app, incident_id(call.part("incident")), call.part("file")))


async def incident(call: Call) -> Reply:
    """GET /incidents/INCIDENT/export: the whole record."""
    return Reply(await incidents.taken(call.app, incident_id(call.part("incident")), call.query.shape))


async def report(call: Call) -> Reply:
    """GET /reports/REPORT/export: all that it says."""
    document = (await report_of(call)).document
    return Reply(file_of(document, document.made, call.query.shape))


def _shown(one: attachments.Attachment) -> FileShown:
    return FileShown(
        id=one.id, name=one.name, type=one.type, size=one.size, digest=one.digest.hex(), at=one.at, who=one.who
    )
