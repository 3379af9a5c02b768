"""The page that answers why somebody was paged, or was not."""

from aiohttp import web

from monitor import rota
from monitor.web import auth
from monitor.web.guard import APP
from monitor.web.pages import page
from monitor.why import Answer, explain

LONGEST = 200
"""Characters of what is asked about."""


async def show(request: web.Request) -> web.Response:
    """GET /why: with `about` (a check or an episode) and `at` the answer."""
    app, about, at = request.app[APP], request.query.get("about", "")[:LONGEST], request.query.get("at", "")[:LONGEST]
    answer: Answer | None = None
    fault = ""
    if about:
        try:
            moment = rota.moment(at, app.config.site.hours.zone, auth.utc_now())
            async with app.store.connect() as conn:
                answer = await explain(conn, app.config, about, moment)
        except (LookupError, ValueError) as error:
            fault = str(error.args[0])
    return page(request, "why.html", about=about, at=at, answer=answer, fault=fault, config=app.config)
