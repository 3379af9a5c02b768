"""In which language a request is answered: what its reader has chosen, else what their browser asks for."""

from datetime import timedelta

from aiohttp import web
from aiohttp.typedefs import Handler

from language import DEFAULT, LANGUAGES, gettext, preferred, speaking
from monitor.web.guard import APP, form_of, is_https, is_our_path

COOKIE = "deskwatch_language"
_KEPT = timedelta(days=365)
_PROGRAMS = "/api/"


@web.middleware
async def language(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer in the reader's language; without a word of theirs in the site's, and to programs in English."""
    with speaking(_language(request)):
        return await handler(request)


async def choose(request: web.Request) -> web.Response:
    """POST /language: read everything in that language from now on, in this browser."""
    form = await form_of(request)
    chosen, back = str(form.get("language", "")), str(form.get("back", ""))
    if chosen not in LANGUAGES:
        text = gettext(
            "There is no language {code}. There are: {known}.", code=repr(chosen[:20]), known=", ".join(LANGUAGES)
        )
        raise web.HTTPBadRequest(text=text)
    answer = web.HTTPSeeOther(back if is_our_path(back) else "/")
    seconds = int(_KEPT.total_seconds())
    answer.set_cookie(COOKIE, chosen, max_age=seconds, httponly=True, samesite="Lax", secure=is_https(request))
    raise answer


def _language(request: web.Request) -> str:
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    default = DEFAULT if request.path.startswith(_PROGRAMS) else request.app[APP].config.site.language
    return preferred(request.headers.get("Accept-Language", ""), default)
