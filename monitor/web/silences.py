"""Silences, as pages: what holds messages back for a while, begun and ended here."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, NoReturn

from aiohttp import web

from alerting.gates import Silence
from alerting.rules import Phase, State
from alerting.silences import LONGEST_COMMENT, preview
from language import N_, gettext, translated
from monitor.config.model import Asset, Config
from monitor.silencing import typed
from monitor.store import silences as stored
from monitor.subjects import subjects
from monitor.web import auth
from monitor.web.guard import APP, TARGET, who
from monitor.web.pages import field, page, sent

LENGTHS = {
    "30m": N_("30 minutes"),
    "1h": N_("1 hour"),
    "4h": N_("4 hours"),
    "1d": N_("1 day"),
    "3d": N_("3 days"),
    "7d": N_("1 week"),
    "30d": N_("30 days"),
}
"""How long a silence can last, as the form offers it."""

KEPT = 50
"""How many of the newest silences are looked through for those that have ended."""


class Typed(NamedTuple):
    """The form of a silence as somebody filled it in: a condition a line, the rest as `monitor.silencing` reads it."""

    conditions: str = ""
    starts: str = ""
    lasts: str = "1h"
    comment: str = ""


class Held(NamedTuple):
    """What a silence would hold back about one asset: its rules in words, and whether one of them fires now."""

    asset: Asset
    rules: tuple[str, ...]
    fires: bool


async def listed(request: web.Request) -> web.Response:
    """GET /silences: what is silenced, and a form for more; `asset` or `check` fill in the form."""
    conditions = [f"{label}={request.query[label]}" for label in ("asset", "check") if label in request.query]
    return await _silences(request, Typed("\n".join(conditions)))


async def previewed(request: web.Request) -> web.Response:
    """POST /silences/preview: what the silence would hold back, or why it must not begin."""
    form = _typed(await sent(request))
    try:
        wanted = _wanted(request, form)
    except ValueError as error:
        return await _silences(request, form, fault=str(error))
    app = request.app[APP]
    return await _silences(request, form, wanted=wanted, held=held(wanted, app.config, app.episodes))


async def begin(request: web.Request) -> web.Response:
    """POST /silences: begin it."""
    form = _typed(await sent(request))
    try:
        wanted = _wanted(request, form)
    except ValueError as error:
        return await _silences(request, form, fault=str(error))
    await request.app[APP].silence(wanted)
    request[TARGET] = wanted.id
    raise web.HTTPSeeOther("/silences")


async def end(request: web.Request) -> NoReturn:
    """POST /silences/ID/end: end it now."""
    await sent(request)
    id = request.match_info["id"]
    # PostgreSQL takes no NUL, not even to look for it.
    if not (id.isascii() and id.isalnum()) or not await request.app[APP].unsilence(id, who(request)):
        raise web.HTTPNotFound(text=gettext("There is no such silence, or it has ended already."))
    raise web.HTTPSeeOther("/silences")


def held(silence: Silence, config: Config, episodes: Mapping[tuple[str, str], State]) -> tuple[Held, ...]:
    """What the silence would hold back if it were on, by asset, in the order of the configuration."""
    found = {(one.check, one.rule) for one in preview(silence, subjects(config))}
    return tuple(
        Held(
            asset,
            tuple(words for _, words in rules),
            any(_fires(episodes.get(key)) for key, _ in rules),
        )
        for asset in config.assets
        if (rules := [one for one in _rules(asset) if one[0] in found])
    )


def _rules(asset: Asset) -> Iterable[tuple[tuple[str, str], str]]:
    """Every rule of an asset by check and id, in words."""
    for check in asset.checks:
        for rule in check.rules:
            says = translated(rule.says)
            words = says if len(asset.checks) == 1 else f"{says} ({check.name})"
            yield (check.id, rule.id), words


def _fires(state: State | None) -> bool:
    return state is not None and state.episode is not None and state.episode.phase is not Phase.PENDING


def _typed(form: Mapping[str, Any]) -> Typed:
    return Typed(*(field(form, name) for name in Typed._fields))


def _wanted(request: web.Request, form: Typed) -> Silence:
    """The silence of the form. Raises ValueError for one that must not begin."""
    config, lines = request.app[APP].config, form.conditions.splitlines()
    return typed(config, lines, form.starts, form.lasts, who(request), form.comment, auth.utc_now())


async def _silences(request: web.Request, form: Typed, **found: object) -> web.Response:
    """The page with the form, and below it the silences that are on, to come and over."""
    app, now = request.app[APP], auth.utc_now()
    async with app.store.connect() as conn:
        newest = await stored.page(conn, KEPT)
    return page(
        request,
        "silences.html",
        status=400 if "fault" in found else 200,
        form=form,
        **{"fault": "", "wanted": None, "held": (), **found},
        on=[one for one in app.silences if one.is_on(now)],
        coming=[one for one in app.silences if one.starts > now],
        ended=[one for one in newest if one.ends <= now],
        lengths=LENGTHS,
        longest=LONGEST_COMMENT,
    )
