"""What a server answers, as rows for the command line: the same that `monitor.records` makes of a store."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from monitor.commands.client import Api
    from monitor.orders import Order
    from monitor.reports.document import Document
    from monitor.reports.listing import Counted
    from monitor.reports.periods import Period
    from monitor.store.attachments import Attachment

_NEWEST = 50
"""As many incidents, silences or reports as a store gives."""
_BRIEF = ("id", "stage", "severity", "asset", "title", "opened", "resolved")
_TOLD = (*_BRIEF, "origin", "reporter", "merged_into", "reopened", "acknowledged", "acknowledged_by", "member_minutes")
_LINE = ("at", "noted", "who", "kind", "text")
_WAYS = {
    "acknowledge": ("POST", "incidents/{id}/acknowledge"),
    "fixed": ("POST", "incidents/{id}/fixed"),
    "note": ("POST", "incidents/{id}/notes"),
    "review": ("PATCH", "incidents/{id}/review"),
    "act": ("POST", "incidents/{id}/actions"),
    "done": ("POST", "incidents/{id}/actions/{action}/done"),
    "correct_line": ("PATCH", "incidents/{id}/timeline/{line}"),
    "correct_times": ("PATCH", "incidents/{id}/times"),
    "correct_impact": ("PATCH", "incidents/{id}/impact"),
    "merge": ("POST", "incidents/{id}/merge"),
    "report": ("POST", "incidents"),
}
"""What is sent for each order; what of its details is not in the path is the body."""
_NAMES = {"minutes": "member_minutes"}
"""Details that the API calls otherwise."""
_TIMES = ("opened", "resolved", "acknowledged", "at", "noted", "created", "done", "reminded", "start", "end", "made")


async def statuses(api: "Api") -> list[dict[str, Any]]:
    """Every check with its status."""
    return [_status(one) for one in await api.items("checks")]


async def listed(api: "Api") -> list[dict[str, Any]]:
    """The newest incidents, newest first."""
    page = await api.get("incidents", limit=_NEWEST)
    return [_picked(one, _BRIEF) for one in page["items"]]


async def shown(api: "Api", id: str) -> dict[str, Any] | None:
    """One incident with what is recorded of it; None if there is none."""
    from incidents.review import Category
    from monitor.record_words import lacking

    one = await api.found("incidents", id)
    if one is None:
        return None
    corrected = one["corrected"]
    return {
        **_picked(one, _TOLD),
        "level": one["level"],
        "cost": one["impact"],
        "corrected": corrected and _picked(corrected, corrected),
        **one["review"],
        **lacking(Category(one["review"]["category"]), one["unwritten"]),
        "actions": [{**_picked(action, action), "incident": id} for action in one["actions"]],
        "attachments": [_picked(file, ("id", "name", "type", "size")) for file in await api.items(*_files(id))],
        "related": [_picked(other, _BRIEF) for other in await api.items("incidents", id, "related")],
        "timeline": [{"line": line["number"], **_picked(line, _LINE)} for line in one["timeline"]],
    }


async def done(api: "Api", order: "Order") -> dict[str, Any]:
    """Have it done what was asked for; the incident as it is then."""
    method, pattern = _WAYS[order.action]
    said = {_NAMES.get(name, name): value for name, value in order.details.items()}
    path = [piece.format(id=order.incident, **said) for piece in pattern.split("/")]
    body = {name: value for name, value in said.items() if f"{{{name}}}" not in pattern}
    return _picked(await api.send(method, *path, body=body or None, key=order.id), _BRIEF)


async def attached(api: "Api", file: "Attachment") -> dict[str, Any]:
    """Keep a file with its incident; the incident as it is then."""
    await api.upload(file.content, file.id, *_files(file.incident), name=file.name)
    return _picked(await api.get("incidents", file.incident), _BRIEF)


async def exported(api: "Api", id: str, format: str) -> str:
    """The whole record of an incident, in a format of the command line."""
    return await api.text("incidents", id, "export", shape="txt" if format == "text" else format)


async def silenced(api: "Api") -> list[dict[str, Any]]:
    """The newest silences, newest first."""
    now = datetime.now(UTC)
    page = await api.get("silences", ended="true", limit=_NEWEST)
    return [
        {
            "id": one["id"],
            "state": _state(datetime.fromisoformat(one["starts"]), datetime.fromisoformat(one["ends"]), now),
            "conditions": one["conditions"],
            "starts": _stamp(one["starts"]),
            "ends": _stamp(one["ends"]),
            "author": one["author"],
            "comment": one["comment"],
        }
        for one in page["items"]
    ]


async def begun(
    api: "Api", conditions: list[str], starts: datetime | None, lasts: str, comment: str
) -> tuple[str, datetime, int]:
    """Begin a silence; its id, when it ends, and how many of the alerts there are it holds back."""
    body = {"conditions": conditions, "lasts": lasts, "comment": comment}
    if starts is not None:
        body["starts"] = starts.isoformat()
    held = await api.send("POST", "silences", "preview", body=body)
    one = await api.send("POST", "silences", body=body)
    return one["id"], datetime.fromisoformat(one["ends"]), int(held["alerts"])


async def zone_of(api: "Api") -> ZoneInfo:
    """The zone of the site's clock."""
    return ZoneInfo((await api.get("site"))["zone"])


async def on_call(api: "Api", at: datetime | None) -> list[dict[str, Any]]:
    """Who has each schedule at a time, now for None, and from when until when."""
    zone = await zone_of(api)
    answer = await api.get("on-call", at=at.isoformat() if at is not None else None)
    return [
        {
            "schedule": one["schedule"],
            "person": one["person"] or "",
            "starts": _local(one["starts"], zone),
            "ends": _local(one["until"], zone),
        }
        for one in answer["schedules"]
    ]


async def rostered(api: "Api", days: int) -> list[dict[str, Any]]:
    """Who has each schedule in the next days; "" where nobody does."""
    zone = await zone_of(api)
    return [
        {
            "schedule": one["schedule"],
            "person": one["person"] or "",
            "starts": _local(one["starts"], zone),
            "ends": _local(one["ends"], zone),
        }
        for one in await api.items("on-call", "shifts", days=days)
    ]


async def callees(api: "Api", asset: str, severity: str, at: datetime | None) -> list[dict[str, Any]]:
    """Whom every step of every route would reach if something happened to an asset; `after` in seconds."""
    then = at.isoformat() if at is not None else None
    answer = await api.get("on-call", "paged", asset=asset, severity=severity, at=then)
    return [
        {
            **{name: one[name] for name in ("route", "step", "after")},
            "held": one["held"] or "",
            "reached": [{"destination": to["destination"], "words": to["why"]} for to in one["reached"]],
        }
        for one in answer["items"]
    ]


async def overridden(api: "Api") -> list[dict[str, Any]]:
    """Who takes a schedule over, now or later."""
    from monitor.rota import IGNORED

    zone, now = await zone_of(api), datetime.now(UTC)
    found = sorted(await api.items("overrides"), key=lambda one: (datetime.fromisoformat(one["starts"]), one["id"]))
    return [
        {
            "id": one["id"],
            "schedule": one["schedule"],
            "person": one["person"],
            "starts": _local(one["starts"], zone),
            "ends": _local(one["ends"], zone),
            "author": one["author"],
            "note": "" if one["heeded"] else IGNORED,
        }
        for one in found
        if datetime.fromisoformat(one["ends"]) > now
    ]


async def taken(
    api: "Api", schedule: str, person: str, starts: datetime, ends: datetime
) -> tuple[str, datetime, datetime]:
    """Have somebody take a schedule over; the override's id, and from when until when it lasts."""
    times = {"starts": starts.isoformat(), "ends": ends.isoformat()}
    made = await api.send("POST", "overrides", body={"schedule": schedule, "person": person, **times})
    return made["id"], datetime.fromisoformat(made["starts"]), datetime.fromisoformat(made["ends"])


async def explained(api: "Api", about: str, at: datetime | None) -> dict[str, Any]:
    """Why a check, or an episode by its id, did or did not page anybody at a time, now for None."""
    found = await api.get("why", about=about, at=at.isoformat() if at is not None else None)
    lines = [{**line, "at": datetime.fromisoformat(line["at"]).isoformat()} for line in found["lines"]]
    return {"check": found["check"], "summary": found["summary"], "lines": lines}


async def available(api: "Api", period: "Period", counted: "Counted") -> list[dict[str, Any]]:
    """How available everything was in a time."""
    from incidents.availability import Availability
    from monitor.records import share_of
    from monitor.reports.listing import Row

    answer = await api.get(
        "availability", **{"from": period.start.isoformat(), "to": period.end.isoformat()}, **counted._asdict()
    )
    lengths = ("up", "down", "unknown")
    return [
        share_of(Row(one["what"], one["name"], Availability(*(timedelta(seconds=one[name]) for name in lengths))))
        for one in answer["rows"]
    ]


async def reports(api: "Api", kind: str) -> list[dict[str, Any]]:
    """The newest reports, of a kind or of all, newest first."""
    page = await api.get("reports", kind=kind or None, limit=_NEWEST)
    return [_picked(one, ("id", "kind", "title", "start", "end", "made", "summary")) for one in page["items"]]


async def report(api: "Api", id: str) -> "Document | None":
    """What a report says; None if there is none."""
    from monitor.reports.document import from_json

    one = await api.found("reports", id)
    return None if one is None else from_json(one["document"])


async def newest(api: "Api", kind: str) -> "Document | None":
    """What the newest report of a kind says; None if there is none."""
    page = await api.get("reports", kind=kind, limit=1)
    return await report(api, page["items"][0]["id"]) if page["items"] else None


async def made(api: "Api", kind: str, day: date) -> list["Document"]:
    """Have the reports made about the day, week or month of a day."""
    answer = await api.send("POST", "reports", body={"kind": kind, "day": day.isoformat()})
    found = [await report(api, one["id"]) for one in answer["items"]]
    return [one for one in found if one is not None]


def _files(incident: str) -> tuple[str, ...]:
    return "incidents", incident, "files"


def _status(check: dict[str, Any]) -> dict[str, Any]:
    reading = check["reading"]
    return {
        "check": check["id"],
        "status": reading["status"] if reading else "unknown",
        "since": _stamp(check["since"]) or "",
        "seen": _stamp(reading["at"]) if reading else "",
        "reason": reading["reason"] if reading else "not measured yet",
    }


def _state(starts: datetime, ends: datetime, now: datetime) -> str:
    if now < starts:
        return "coming"
    return "on" if now < ends else "ended"


def _picked(one: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Some of a thing, its times as the command line has them."""
    return {name: _stamp(one[name]) if name in _TIMES else one[name] for name in names}


def _stamp(at: str | None) -> str | None:
    """A time of an answer as `monitor.records` has it."""
    return datetime.fromisoformat(at).isoformat(timespec="seconds") if at is not None else None


def _local(at: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(at).astimezone(zone).isoformat(" ", "minutes")
