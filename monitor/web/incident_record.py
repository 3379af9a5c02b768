"""What people write into the record of an incident: the review, corrections, what follows from it, and files."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date, datetime
from math import isfinite
from typing import Any, NoReturn, TypeVar

from aiohttp import BodyPartReader, web
from ulid import ULID

from incidents import corrections, lifecycle, merging
from incidents.corrections import Times
from incidents.incident import Change, Incident
from incidents.review import Action, Review
from language import N_, gettext
from monitor.config.model import Config
from monitor.store import attachments, incidents
from monitor.store.attachments import LARGEST, Attachment
from monitor.web import auth, downloads, edits
from monitor.web.downloads import File
from monitor.web.edits import Clash
from monitor.web.guard import APP, who
from monitor.web.incident_log import past
from monitor.web.incidents import cost_of, decide, draw, found, incident_id, no_incident, times_of, wall
from monitor.web.pages import check_form_key, field, sent
from monitor.web.service import App
from monitor.web.words import sentence, short

AROUND = 16 * 1024
"""Bytes of an upload beside the file itself."""
PATIENCE = 60.0
"""Seconds that an upload may take."""
LONGEST_LINE = 300
"""Characters of an action, and of the name of who does it."""
MOST_MINUTES = 1e9

_BROKEN = N_("This form cannot be read. Go back, reload the page and try again.")

V = TypeVar("V")


async def review(request: web.Request) -> web.Response:
    """POST /incidents/ID/review: what was done and why it happened; what the form does not ask for stays as it is."""
    form = await sent(request)
    said = {name: field(form, name) for name in Review._fields if name in form}
    _sensible(lambda: Review.of(said))

    def change(one: Incident, now: datetime) -> Change:
        edits.require_unchanged(form, said, {name: getattr(one, name) for name in said})
        return lifecycle.review(one, Review.of(said, one.review), who(request), now)

    return await _edit(request, change, "#review")


async def correct_line(request: web.Request) -> web.Response:
    """POST /incidents/ID/lines/LINE: when that really was."""
    form, config, given = await sent(request), request.app[APP].config, request.match_info["line"]
    zone = config.site.hours.zone

    def change(one: Incident, now: datetime) -> Change:
        line = next((one for one in one.lines if str(one.number) == given), None)
        if line is None:
            raise web.HTTPNotFound(text=gettext("The timeline has no line {number}.", number=repr(short(given, 20))))
        edits.require_unchanged(form, _typed(form, "at"), {"at": wall(line.entry.at, config)})
        at = _moved(form, "at", line.entry.at, config)
        return Change(one) if at is None else corrections.correct(one, line.number, at, who(request), now, zone)

    return await _edit(request, change, "#timeline")


async def correct_times(request: web.Request) -> web.Response:
    """POST /incidents/ID/times: when it really began, and was really over."""
    form, config = await sent(request), request.app[APP].config
    zone = config.site.hours.zone

    def change(one: Incident, now: datetime) -> Change:
        edits.require_unchanged(form, _typed(form, *Times._fields), times_of(one, config))
        times = Times(*(_moved(form, name, getattr(one, name), config) for name in Times._fields))
        _allow(corrections.obstacle(one, times, now))
        return corrections.correct_times(one, times, who(request), now, zone)

    return await _edit(request, change)


async def correct_impact(request: web.Request) -> web.Response:
    """POST /incidents/ID/impact: what it really cost, and why."""
    form = await sent(request)
    minutes, reason = _sensible(lambda: _minutes(field(form, "minutes"))), field(form, "reason")
    _allow("" if reason else gettext("say why it cost that, and not what was worked out"))

    def change(one: Incident, now: datetime) -> Change:
        _allow("" if one.resolved is not None and one.merged_into is None else gettext("it is not over yet"))
        current = cost_of(one, request.app[APP].config, now)
        edits.require_unchanged(form, _typed(form, "minutes", "reason"), current)
        return corrections.correct_impact(one, minutes, reason, who(request), now)

    return await _edit(request, change, "#cost")


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
    text = _line(form, "text", N_("say what is to be done, in at most {most} characters"))
    owner = _line(form, "owner", N_("say who does it, in at most {most} characters"))
    due = _sensible(lambda: _day(field(form, "due")))
    action = Action(str(ULID()), id, text, owner, due, auth.utc_now(), who(request))
    await decide(request, lambda one, now: lifecycle.act(one, action), "#todo")


async def end_action(request: web.Request) -> NoReturn:
    """POST /incidents/ID/actions/ACTION/done: it has been done."""
    await sent(request)
    id = request.match_info["action"]

    def change(one: Incident, now: datetime) -> Change:
        return lifecycle.done(one, action_of(one, id).id, who(request), now)

    await decide(request, change, "#todo")


async def move_action(request: web.Request) -> web.Response:
    """POST /incidents/ID/actions/ACTION/due: it is due on another day."""
    form, id = await sent(request), request.match_info["action"]
    due = _sensible(lambda: _day(field(form, "due")))

    def change(one: Incident, now: datetime) -> Change:
        action = action_of(one, id)
        edits.require_unchanged(form, _typed(form, "due"), {"due": action.due.isoformat()})
        return lifecycle.postpone(one, id, due, who(request), now)

    return await _edit(request, change, "#todo")


async def attach(request: web.Request) -> NoReturn:
    """POST /incidents/ID/files: keep a file with it."""
    id = incident_id(request.match_info["id"])
    name, content = await _uploaded(request)
    try:
        await keep(request.app[APP], id, name, content, who(request))
    except ValueError as error:
        raise web.HTTPBadRequest(text=sentence(error)) from None
    raise web.HTTPSeeOther(f"/incidents/{id}#files")


async def download(request: web.Request) -> web.StreamResponse:
    """GET /incidents/ID/files/FILE: the file, to be saved and never to be shown as a page of ours."""
    return downloads.answer(await kept(request.app[APP], request.match_info["id"], request.match_info["file"]))


async def keep(app: App, id: str, name: str, content: bytes, who: str) -> Attachment:
    """Keep a file with an incident. Raises ValueError for one that is not taken, and 404."""
    # In a thread: to look through some megabytes takes longer than the probes' timing can bear.
    made = await asyncio.to_thread(attachments.attached, id, name, content, who, auth.utc_now())
    if not await app.attach(made):
        raise no_incident(id)
    return made


async def kept(app: App, id: str, file: str) -> File:
    """A file of an incident. Raises 404."""
    async with app.store.connect() as conn:
        # PostgreSQL takes no NUL, not even to look for it.
        one = await attachments.get(conn, file) if file.isascii() and file.isalnum() else None
    if one is None or one.incident != id:
        raise web.HTTPNotFound(text=gettext("The incident has no file {name}.", name=repr(short(file, 60))))
    return File(one.name, one.type, one.content)


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
        words = gettext("The upload took longer than {seconds} s. Try again.", seconds=f"{PATIENCE:.0f}")
        raise web.HTTPRequestTimeout(text=words) from None
    except (AssertionError, LookupError, ValueError):  # what is no multipart form, or a broken one
        raise web.HTTPBadRequest(text=gettext(_BROKEN)) from None
    if not content:
        raise web.HTTPBadRequest(text=gettext("No file came with it. Go back, choose one and try again."))
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
    words = N_("The file is too large; {size} MB are the most. Make the picture smaller, or cut the log.")
    return web.HTTPRequestEntityTooLarge(LARGEST, size, text=gettext(words, size=LARGEST // 1_000_000))


async def _found(request: web.Request) -> Incident:
    async with request.app[APP].store.connect() as conn:
        return await found(conn, request)


def action_of(incident: Incident, id: str) -> Action:
    """Something that is to be done about an incident. Raises 404."""
    action = next((one for one in incident.actions if one.id == id), None)
    if action is None:
        words = N_("Nothing of the number {number} is to be done about this incident.")
        raise web.HTTPNotFound(text=gettext(words, number=repr(short(id, 60))))
    return action


async def _edit(request: web.Request, change: Callable[[Incident, datetime], Change], part: str = "") -> web.Response:
    """Change the incident, or show the form again beside what somebody else has written since it was made."""
    try:
        await decide(request, change, part)
    except Clash as clash:
        return await draw(request, clash)


def _typed(form: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {name: field(form, name) for name in names if name in form}


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
        words = N_("{given} is no number of member-minutes; write one like 240")
        raise ValueError(gettext(words, given=repr(text[:40])))
    return minutes


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        words = N_("the day {given} must be a date like `{example}`")
        raise ValueError(gettext(words, given=repr(text[:40]), example=f"{auth.utc_now():%Y-%m-%d}")) from None


def _line(form: Mapping[str, Any], name: str, fault: str) -> str:
    text = " ".join(field(form, name).split())
    _allow("" if 0 < len(text) <= LONGEST_LINE else gettext(fault, most=LONGEST_LINE))
    return text


def _sensible(made: Callable[[], V]) -> V:
    """What somebody typed; 400 with the reason for what makes no sense."""
    try:
        return made()
    except ValueError as error:
        raise web.HTTPBadRequest(text=sentence(error)) from None


def _allow(obstacle: str) -> None:
    if obstacle:
        raise web.HTTPBadRequest(text=sentence(obstacle))
