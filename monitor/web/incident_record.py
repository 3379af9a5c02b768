"""What people write into the record of an incident: the review, corrections, what follows from it, and files."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date, datetime
from math import isfinite
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

from aiohttp import BodyPartReader, web
from ulid import ULID

from incidents import corrections, lifecycle, merging
from incidents.corrections import Times
from incidents.incident import Incident
from incidents.review import Action, Review
from monitor.config.model import Config
from monitor.store import attachments, incidents
from monitor.store.attachments import LARGEST, Attachment
from monitor.web import auth
from monitor.web.guard import APP, who
from monitor.web.incident_log import past
from monitor.web.incidents import decide, found, incident_id, no_incident, wall
from monitor.web.pages import check_form_key, field, sent
from monitor.web.words import short

AROUND = 16 * 1024
"""Bytes of an upload beside the file itself."""
PATIENCE = 60.0
"""Seconds that an upload may take."""
LONGEST_LINE = 300
"""Characters of an action, and of the name of who does it."""
MOST_MINUTES = 1e9

_SANDBOX = {"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}
"""A file that somebody uploaded is shown nowhere, and could do nothing if it were."""
_BROKEN = "This form cannot be read. Go back, reload the page and try again."

V = TypeVar("V")


async def review(request: web.Request) -> NoReturn:
    """POST /incidents/ID/review: what was done and why it happened; what the form does not ask for stays as it is."""
    form = await sent(request)
    said = {name: field(form, name) for name in Review._fields if name in form}
    _sensible(lambda: Review.of(said))
    await decide(
        request, lambda one, now: lifecycle.review(one, Review.of(said, one.review), who(request), now), "#review"
    )


async def correct_line(request: web.Request) -> NoReturn:
    """POST /incidents/ID/lines/LINE: when that really was."""
    form, incident, config = await sent(request), await _found(request), request.app[APP].config
    given = request.match_info["line"]
    line = next((one for one in incident.lines if str(one.number) == given), None)
    if line is None:
        raise web.HTTPNotFound(text=f"The timeline has no line {short(given, 20)!r}.")
    at = _moved(form, "at", line.entry.at, config)
    if at is None:
        raise web.HTTPSeeOther(f"/incidents/{incident.id}#timeline")
    zone = config.site.hours.zone
    await decide(
        request, lambda one, now: corrections.correct(one, line.number, at, who(request), now, zone), "#timeline"
    )


async def correct_times(request: web.Request) -> NoReturn:
    """POST /incidents/ID/times: when it really began, and was really over."""
    form, incident, config = await sent(request), await _found(request), request.app[APP].config
    times = Times(*(_moved(form, name, getattr(incident, name), config) for name in Times._fields))
    _allow(corrections.obstacle(incident, times, auth.utc_now()))
    zone = config.site.hours.zone
    await decide(request, lambda one, now: corrections.correct_times(one, times, who(request), now, zone))


async def correct_impact(request: web.Request) -> NoReturn:
    """POST /incidents/ID/impact: what it really cost, and why."""
    form, incident = await sent(request), await _found(request)
    minutes, reason = _sensible(lambda: _minutes(field(form, "minutes"))), field(form, "reason")
    _allow("" if reason else "say why it cost that, and not what was worked out")
    _allow("" if incident.resolved is not None and incident.merged_into is None else "it is not over yet")
    await decide(request, lambda one, now: corrections.correct_impact(one, minutes, reason, who(request), now), "#cost")


async def merge(request: web.Request) -> NoReturn:
    """POST /incidents/ID/merge: it is the same as another one, which is shown."""
    form, incident, app = await sent(request), await _found(request), request.app[APP]
    into = incident_id(field(form, "into"))
    async with app.store.connect() as conn:
        other = await incidents.get(conn, into)
    if other is None:
        raise no_incident(into)
    _allow(merging.obstacle(incident, other))
    await app.merge(incident.id, into, who(request))
    raise web.HTTPSeeOther(f"/incidents/{into}")


async def add_action(request: web.Request) -> NoReturn:
    """POST /incidents/ID/actions: something is to be done so that it does not happen again."""
    form, id = await sent(request), incident_id(request.match_info["id"])
    text, owner = (_line(form, name, what) for name, what in (("text", "what is to be done"), ("owner", "who does it")))
    due = _sensible(lambda: _day(field(form, "due")))
    action = Action(str(ULID()), id, text, owner, due, auth.utc_now(), who(request))
    await decide(request, lambda one, now: lifecycle.act(one, action), "#todo")


async def end_action(request: web.Request) -> NoReturn:
    """POST /incidents/ID/actions/ACTION/done: it has been done."""
    await sent(request)
    action = await _action(request)
    await decide(request, lambda one, now: lifecycle.done(one, action.id, who(request), now), "#todo")


async def move_action(request: web.Request) -> NoReturn:
    """POST /incidents/ID/actions/ACTION/due: it is due on another day."""
    form = await sent(request)
    due, action = _sensible(lambda: _day(field(form, "due"))), await _action(request)
    await decide(request, lambda one, now: lifecycle.postpone(one, action.id, due, who(request), now), "#todo")


async def attach(request: web.Request) -> NoReturn:
    """POST /incidents/ID/files: keep a file with it."""
    id, app = incident_id(request.match_info["id"]), request.app[APP]
    name, content = await _uploaded(request)
    try:
        # In a thread: to look through some megabytes takes longer than the probes' timing can bear.
        made = await asyncio.to_thread(attachments.attached, id, name, content, who(request), auth.utc_now())
        is_kept = await app.attach(made)
    except ValueError as error:
        raise web.HTTPBadRequest(text=_sentence(error)) from None
    if not is_kept:
        raise no_incident(id)
    raise web.HTTPSeeOther(f"/incidents/{id}#files")


async def download(request: web.Request) -> web.StreamResponse:
    """GET /incidents/ID/files/FILE: the file, to be saved and never to be shown as a page of ours."""
    id, file = request.match_info["id"], request.match_info["file"]
    async with request.app[APP].store.connect() as conn:
        one = await attachments.get(conn, incident_id(file)) if file.isascii() and file.isalnum() else None
    if one is None or one.incident != id:
        raise web.HTTPNotFound(text=f"The incident has no file {short(file, 60)!r}.")
    return web.Response(body=one.content, headers={**_SANDBOX, **_described(one)})


def _described(one: Attachment) -> Mapping[str, str]:
    charset = "; charset=utf-8" if one.type.startswith("text/") else ""
    return {
        "Content-Type": f"{one.type}{charset}",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(one.name, safe='')}",
    }


async def _uploaded(request: web.Request) -> tuple[str, bytes]:
    """The name and the content of the file in a form, of which the key has to come first.

    Raises 400, 403 or 413. It does not go through the limit of all other forms, which is too small for a file.
    """
    if request.content_length is None or request.content_length > LARGEST + AROUND:
        raise _too_large(request.content_length or 0)
    try:
        async with asyncio.timeout(PATIENCE):
            parts = await request.multipart()
            check_form_key(request, (await _read(await parts.next(), "form_key", AROUND)).decode(errors="replace"))
            file = await parts.next()
            content = await _read(file, "file", LARGEST)
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"The upload took longer than {PATIENCE:.0f} s. Try again.") from None
    except (AssertionError, LookupError, ValueError):  # what is no multipart form, or a broken one
        raise web.HTTPBadRequest(text=_BROKEN) from None
    if not content:
        raise web.HTTPBadRequest(text="No file came with it. Go back, choose one and try again.")
    return getattr(file, "filename", None) or "file", content


async def _read(part: object, name: str, most: int) -> bytes:
    """The content of a part of that name. Raises 413 for a longer one, ValueError if it is another part."""
    if not isinstance(part, BodyPartReader) or part.name != name:
        raise ValueError(name)
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > most:
            raise _too_large(len(content))
    return bytes(content)


def _too_large(size: int) -> web.HTTPRequestEntityTooLarge:
    text = f"The file is too large; {LARGEST // 1_000_000} MB are the most. Make the picture smaller, or cut the log."
    return web.HTTPRequestEntityTooLarge(LARGEST, size, text=text)


async def _found(request: web.Request) -> Incident:
    async with request.app[APP].store.connect() as conn:
        return await found(conn, request)


async def _action(request: web.Request) -> Action:
    incident, id = await _found(request), request.match_info["action"]
    action = next((one for one in incident.actions if one.id == id), None)
    if action is None:
        raise web.HTTPNotFound(text=f"Nothing of the number {short(id, 60)!r} is to be done about this incident.")
    return action


def _moved(form: Mapping[str, Any], name: str, before: datetime | None, config: Config) -> datetime | None:
    """The time that was typed; None for none, and for the one that the form began with."""
    text = field(form, name)
    if not text or (before is not None and text == wall(before, config)):
        return None
    return _sensible(lambda: past(text, config, auth.utc_now()))


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1
    if not (isfinite(minutes) and 0 <= minutes <= MOST_MINUTES):
        raise ValueError(f"{text[:40]!r} is no number of member-minutes; write one like 240")
    return minutes


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"the day {text[:40]!r} must be a date like `{auth.utc_now():%Y-%m-%d}`") from None


def _line(form: Mapping[str, Any], name: str, what: str) -> str:
    text = " ".join(field(form, name).split())
    _allow("" if 0 < len(text) <= LONGEST_LINE else f"say {what}, in at most {LONGEST_LINE} characters")
    return text


def _sensible(made: Callable[[], V]) -> V:
    """What somebody typed; 400 with the reason for what makes no sense."""
    try:
        return made()
    except ValueError as error:
        raise web.HTTPBadRequest(text=_sentence(error)) from None


def _allow(obstacle: str) -> None:
    if obstacle:
        raise web.HTTPBadRequest(text=_sentence(obstacle))


def _sentence(words: object) -> str:
    text = str(words)
    return f"{text[:1].upper()}{text[1:]}."
