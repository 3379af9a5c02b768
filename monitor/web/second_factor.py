"""Switching the authenticator app on and off, and the recovery codes for when the phone is gone."""

import io
from collections import OrderedDict
from datetime import datetime, timedelta

import segno
from aiohttp import web

from language import N_, gettext
from monitor.people import accounts, totp
from monitor.store import sessions
from monitor.web import auth
from monitor.web.account import draw, own
from monitor.web.guard import APP, SECRET, by
from monitor.web.pages import page, sent
from monitor.web.sign_in import WRONG_CODE, begin_session, is_password, set_cookie

_LASTS = timedelta(minutes=15)
_MOST = 1000
_WRONG_PASSWORD = N_("The current password is wrong.")


class Begun:
    """The secrets of apps that have not shown a code yet, by user."""

    def __init__(self) -> None:
        self._secrets: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    def begin(self, user: str, now: datetime) -> str:
        """A new secret for a user, in the place of one from before."""
        self._secrets[user] = (totp.new_secret(), now)
        if len(self._secrets) > _MOST:
            self._secrets.popitem(last=False)
        return self._secrets[user][0]

    def of(self, user: str, now: datetime) -> str:
        """The secret of a user. Raises 410 if there is none, or it is too old."""
        secret, at = self._secrets.get(user, ("", now - _LASTS))
        if now - at >= _LASTS:
            raise web.HTTPGone(text=gettext("That took too long. Begin again on the account page."))
        return secret

    def done(self, user: str) -> None:
        """It is stored, and shown no more."""
        self._secrets.pop(user, None)


BEGUN = web.AppKey("begun", Begun)


async def begin(request: web.Request) -> web.Response:
    """POST /account/second-factor: with the password, a secret for the app, as a picture and to type."""
    form, user = await sent(request), await own(request)
    if not user.password:
        return await draw(request, gettext("You sign in with an account elsewhere; switch a second factor on there."))
    if not await is_password(request, user.name, user, str(form.get("current", ""))):
        return await draw(request, gettext(_WRONG_PASSWORD))
    return _page(request, request.app[BEGUN].begin(user.id, auth.utc_now()))


async def picture(request: web.Request) -> web.Response:
    """GET /account/second-factor/code.svg: what the app scans. Gone once the app has shown a code."""
    user, app = await own(request), request.app[APP]
    secret, drawn = request.app[BEGUN].of(user.id, auth.utc_now()), io.BytesIO()
    code = segno.make_qr(totp.address(secret, user.name, app.config.site.name), error="m")
    code.save(drawn, kind="svg", scale=5, border=4, light="#fff", dark="#000", svgclass=None, lineclass=None)
    return web.Response(body=drawn.getvalue(), content_type="image/svg+xml")


async def confirm(request: web.Request) -> web.Response:
    """POST /account/second-factor/confirm: the app's first code switches it on; the recovery codes, once."""
    form, user, now = await sent(request), await own(request), auth.utc_now()
    secret = request.app[BEGUN].of(user.id, now)
    step = totp.matched(secret, str(form.get("code", ""))[:40], 0, now)
    if step is None:
        return _page(request, secret, WRONG_CODE)
    async with request.app[APP].store.begin() as conn:
        codes = await accounts.set_totp(conn, by(request), user, secret, step)
        await sessions.revoke_all(conn, user.id)
        request[SECRET] = await begin_session(request, conn, user.name, user.id)
    request.app[BEGUN].done(user.id)
    answer = page(request, "recovery_codes.html", codes=codes)
    set_cookie(request, answer, request[SECRET])
    return answer


async def off(request: web.Request) -> web.Response:
    """POST /account/second-factor/off: with the password, ask for no codes any more."""
    form, user = await sent(request), await own(request)
    if not await is_password(request, user.name, user, str(form.get("current", ""))):
        return await draw(request, gettext(_WRONG_PASSWORD))
    async with request.app[APP].store.begin() as conn:
        await accounts.drop_totp(conn, by(request), user)
    raise web.HTTPSeeOther("/account")


async def renew_codes(request: web.Request) -> web.Response:
    """POST /account/recovery-codes: with the password, new codes in the place of the old ones."""
    form, user = await sent(request), await own(request)
    if not user.totp or not await is_password(request, user.name, user, str(form.get("current", ""))):
        return await draw(request, gettext(_WRONG_PASSWORD))
    async with request.app[APP].store.begin() as conn:
        codes = await accounts.renew_codes(conn, by(request), user)
    return page(request, "recovery_codes.html", codes=codes)


def _page(request: web.Request, secret: str, fault: str = "") -> web.Response:
    typed = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return page(request, "enrol.html", 400 if fault else 200, secret=typed, fault=gettext(fault))
