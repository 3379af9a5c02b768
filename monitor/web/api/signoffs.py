"""Who can enter and who may, and reviews that fall due: how they stand, and signing them off."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field

from monitor import audits as words
from monitor import reviews as standings
from monitor.audits import fingerprint
from monitor.reviews import Review, State, standing
from monitor.store import signoffs
from monitor.store.signoffs import Signoff
from monitor.web import audits
from monitor.web.api import paging
from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Body, Line, Shown, Text, Words
from monitor.web.api.paging import Page
from monitor.web.api.problems import Fault, Unfit
from probes._engines.credentials import Audit
from probes._engines.credentials import State as Finding

MOST = 20
"""Sign-offs of each review that are answered."""


class SignoffShown(Shown):
    """Somebody's word that they have looked through it; `link` is where more evidence is, "" if nowhere."""

    id: str
    check: str
    at: datetime
    who: Text
    note: Text
    link: Text


class FindingShown(Shown):
    """Something that is wrong since a time; `due` says whether it is longer than is tolerated."""

    state: Finding
    due: bool
    names: list[Text]
    emails: list[Text]
    since: datetime
    note: Text


class AuditFound(Shown):
    """What an audit found; `seen` stands for its findings, and is sent back to sign them off."""

    at: datetime
    seen: str
    figures: dict[str, int]
    findings: list[FindingShown]


class AuditShown(Shown):
    """An audit of who can enter: null until one was made; `trouble` says why it is not newer."""

    check: str
    asset: str
    trouble: Text
    audit: AuditFound | None


class ReviewShown(Shown):
    """A review that falls due; `signed` is when it was done last, `history` who did it, newest first."""

    check: str
    asset: str
    name: Text
    what: Text
    every: str
    due: date
    state: State
    signed: datetime | None
    history: list[SignoffShown]


class AuditSigned(Body):
    """Somebody has looked through the audit that they have `seen`; `who` is whoever asks unless said."""

    check: Annotated[str, Field(max_length=200)]
    seen: Annotated[str, Field(max_length=64)]
    who: Annotated[Line | None, Field(max_length=words.LONGEST_NAME)] = None
    note: Annotated[Words, Field(max_length=words.LONGEST_NOTE)] = ""


class ReviewSigned(Body):
    """Somebody has done a review; the note is the evidence."""

    check: Annotated[str, Field(max_length=200)]
    note: Annotated[Words, Field(max_length=standings.LONGEST_NOTE)]
    link: Annotated[str, Field(max_length=standings.LONGEST_LINK)] = ""


async def credential_audits(call: Call) -> Reply:
    """GET /audits/credentials: in the order of the configuration."""
    found = audits.shown(call.app.config, call.app)
    some, next = paging.part(call.request, found, call.query, lambda one: one.check.id)
    return Reply(Page[AuditShown](items=[_audit(one) for one in some], next=next or None), next=next)


async def sign_audit(call: Call) -> Reply:
    """POST /audits/credentials/sign-off: 409 if something has changed since it was seen."""
    said = call.body
    call.note(said.check)
    made = call.app.audits.of(said.check)
    if made is None:
        raise Unfit(Fault("check", "no audit of this name has been made since Deskwatch started"))
    if fingerprint(made) != said.seen:
        raise web.HTTPConflict(text="The findings are others than those that were seen. Read them again, then sign.")
    return await _kept(call, lambda: words.signed(said.check, made, said.who or call.who, said.note, call.now))


async def reviews(call: Call) -> Reply:
    """GET /reviews: what is due first comes first."""
    async with call.app.store.connect() as conn:
        found = await standing(call.app.config, conn, call.now)
    some, next = paging.part(call.request, found, call.query, lambda one: one.check.id)
    return Reply(Page[ReviewShown](items=[_review(one) for one in some], next=next or None), next=next)


async def sign_review(call: Call) -> Reply:
    """POST /reviews/sign-off: the review is done, and due again when its period is over."""
    said, config = call.body, call.app.config
    call.note(said.check)
    return await _kept(call, lambda: standings.signed(config, said.check, call.who, said.note, said.link, call.now))


async def _kept(call: Call, sign: Callable[[], Signoff]) -> Reply:
    """Keep a sign-off. Raises 422 for what makes none."""
    try:
        signoff = sign()
    except ValueError as error:
        raise Unfit(Fault("body", str(error))) from None
    async with call.app.store.begin() as conn:
        await signoffs.save(conn, signoff)
    return Reply(SignoffShown.model_validate(signoff))


def _audit(one: audits.Shown) -> AuditShown:
    found = _found(one.audit) if one.audit is not None else None
    return AuditShown(check=one.check.id, asset=one.asset.id, trouble=one.trouble, audit=found)


def _found(audit: Audit) -> AuditFound:
    findings = [
        FindingShown(
            state=one.state,
            due=one.ripe,
            names=list(one.names),
            emails=list(one.emails),
            since=one.since,
            note=one.words,
        )
        for one in audit.findings
    ]
    return AuditFound(at=audit.at, seen=fingerprint(audit), figures=dict(audit.figures), findings=findings)


def _review(one: Review) -> ReviewShown:
    return ReviewShown(
        check=one.check.id,
        asset=one.asset.id,
        name=one.asset.name,
        what=one.params.what,
        every=one.params.every,
        due=one.due.day,
        state=one.state,
        signed=one.signed,
        history=[SignoffShown.model_validate(signoff) for signoff in one.history[:MOST]],
    )
