"""The page of what has to be looked through by the calendar: when it is due, who did it before, and a form to sign."""

from typing import NamedTuple

from aiohttp import web

from language import N_, ngettext
from monitor import audits
from monitor.reviews import LONGEST_LINK, LONGEST_NOTE, SHORTEST_NOTE, State, signed, standing
from monitor.store import signoffs
from monitor.web import auth
from monitor.web.guard import APP, TARGET, who
from monitor.web.pages import field, page, sent
from probes._engines.periods import parse

SHOWN = 8
"""Sign-offs of each review that are shown; `deskwatch audit signoffs` lists more."""


class Typed(NamedTuple):
    """The form of a sign-off as somebody filled it in: of which review, and the evidence."""

    check: str = ""
    note: str = ""
    link: str = ""


async def show(request: web.Request) -> web.Response:
    """GET /reviews: all reviews, what is due first comes first."""
    return await _page(request, Typed())


async def sign_off(request: web.Request) -> web.Response:
    """POST /reviews/sign-off: somebody has done a review."""
    form, app = await sent(request), request.app[APP]
    typed = Typed(*(field(form, name) for name in Typed._fields))
    request[TARGET] = typed.check
    try:
        signoff = signed(app.config, typed.check, who(request), typed.note, typed.link, auth.utc_now())
    except ValueError as error:
        return await _page(request, typed, str(error))
    async with app.store.begin() as conn:
        await signoffs.save(conn, signoff)
    raise web.HTTPSeeOther("/reviews")


async def _page(request: web.Request, typed: Typed, fault: str = "") -> web.Response:
    app = request.app[APP]
    async with app.store.connect() as conn:
        found = await standing(app.config, conn, auth.utc_now())
    kinds = {check.id: check.kind for check in app.config.checks}
    return page(
        request,
        "reviews.html",
        status=400 if fault else 200,
        fault=fault,
        typed=typed,
        reviews=found,
        audited=frozenset(one.check.id for one in found if kinds.get(one.params.of) == audits.KIND),
        stands=_STANDS,
        every=_every,
        most=SHOWN,
        shortest_note=SHORTEST_NOTE,
        longest_note=LONGEST_NOTE,
        longest_link=LONGEST_LINK,
    )


def _every(period: str) -> str:
    """How often a review falls due, of a period as the configuration has it."""
    months, days = parse(period)
    if months and months % 12 == 0:
        return ngettext("every year", "every {number} years", months // 12)
    if months:
        return ngettext("every month", "every {number} months", months)
    if days % 7 == 0:
        return ngettext("every week", "every {number} weeks", days // 7)
    return ngettext("every day", "every {number} days", days)


_STANDS = {
    State.LATER: ("working", N_("In time"), N_("Due on")),
    State.SOON: ("degraded", N_("Due soon"), N_("Due on")),
    State.OVERDUE: ("down", N_("Overdue"), N_("Was due on")),
}
"""What stands for each state: a glyph of the board, words, and how the day is introduced."""
