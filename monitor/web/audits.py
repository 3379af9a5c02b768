"""The page about who can enter and who may: the only one with members' names, and a form to sign that it was read."""

from typing import NamedTuple

from aiohttp import web

from language import gettext
from monitor.audits import (
    LONGEST_NAME,
    LONGEST_NOTE,
    Section,
    checks,
    expected,
    figures,
    fingerprint,
    sections,
    signed,
    totals,
    who,
)
from monitor.config.model import Asset, Check, Config
from monitor.store import signoffs
from monitor.web import auth
from monitor.web.guard import APP, TARGET
from monitor.web.pages import field, page, sent
from monitor.web.service import App
from probes import Reading, Status
from probes._engines.credentials import Audit

MOST = 500
"""Findings of one sort that are shown; `deskwatch audit credentials` writes them all."""
SIGNED = 20
"""Sign-offs that are shown."""


class Shown(NamedTuple):
    """One audit as it is shown, None if there was none since Deskwatch started; `trouble` says why it is not newer."""

    check: Check
    asset: Asset
    audit: Audit | None
    sections: tuple[Section, ...]
    figures: str
    trouble: str


class Typed(NamedTuple):
    """The form of a sign-off as somebody filled it in: of which audit, what they saw of it, and their words."""

    check: str = ""
    seen: str = ""
    who: str = ""
    note: str = ""


async def show(request: web.Request) -> web.Response:
    """GET /audits/credentials: what is wrong now, and who has looked through it before."""
    return await _page(request, Typed())


async def sign_off(request: web.Request) -> web.Response:
    """POST /audits/credentials/sign-off: somebody has looked through the audit that the page showed."""
    form, app = await sent(request), request.app[APP]
    typed = Typed(*(field(form, name) for name in Typed._fields))
    try:
        made = _audit(app, typed)
        signoff = signed(typed.check, made, typed.who, typed.note, auth.utc_now())
    except ValueError as error:
        return await _page(request, typed, str(error))
    async with app.store.begin() as conn:
        await signoffs.save(conn, signoff)
    request[TARGET] = signoff.check
    raise web.HTTPSeeOther("/audits/credentials")


def _audit(app: App, typed: Typed) -> Audit:
    """The newest audit, which is signed. Raises ValueError if it found something else than the page showed."""
    made = app.audits.of(typed.check)
    if made is None or fingerprint(made) != typed.seen:
        words = gettext("something has changed since you opened the page; look through it as it is now, then sign")
        raise ValueError(words)
    return made


async def _page(request: web.Request, typed: Typed, fault: str = "") -> web.Response:
    app = request.app[APP]
    async with app.store.connect() as conn:
        earlier = await signoffs.page(conn, SIGNED, [check.id for check in checks(app.config)])
    return page(
        request,
        "audits.html",
        status=400 if fault else 200,
        fault=fault,
        typed=typed,
        audits=shown(app.config, app),
        earlier=earlier,
        most=MOST,
        longest_name=LONGEST_NAME,
        longest_note=LONGEST_NOTE,
        who=who,
        expected=expected,
        totals=totals,
        fingerprint=fingerprint,
    )


def shown(config: Config, app: App) -> tuple[Shown, ...]:
    """The audits of a site, in the order of its configuration."""
    found = []
    for check in checks(config):
        asset, made = config.asset(check.asset), app.audits.of(check.id)
        if asset is not None:
            parts = (sections(made), figures(made)) if made is not None else ((), "")
            found.append(Shown(check, asset, made, *parts, trouble(app.latest.get(check.id))))
    return tuple(found)


def trouble(reading: Reading | None) -> str:
    """Why the newest run left no audit, "" if it did."""
    if reading is None:
        return gettext("It has not run since Deskwatch started.")
    if reading.status is not Status.UNKNOWN:
        return ""
    return gettext("The newest run came to no conclusion: {detail}.", detail=reading.detail)
