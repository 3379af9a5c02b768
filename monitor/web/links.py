"""What the link in a message opens: a page that says what is wrong, and buttons that answer without signing in."""

from typing import NamedTuple

from aiohttp import web

from alerting.links import PATH, Expired, Link, LinkError, Purpose, digest, read
from incidents.answers import Action, Answer, is_taken, offered, take
from incidents.lifecycle import Change, Incident
from language import N_, gettext
from monitor.config.model import Config
from monitor.store import incidents, links
from monitor.store.links import Use
from monitor.web import auth
from monitor.web.auth import Brake
from monitor.web.guard import APP, TARGET, WHO, count_wrong, form_of
from monitor.web.pages import page
from monitor.web.service import App

BRAKE = web.AppKey("brake", Brake)

BUTTONS = {
    Action.ACKNOWLEDGE: N_("I have it"),
    Action.SNOOZE: N_("Remind me in 1 h"),
    Action.ESCALATE: N_("Not me: ask the next"),
    Action.RESOLVE: N_("It is fixed"),
}
DONE = {
    Action.ACKNOWLEDGE: N_("By this link %(name)s took it, %(at)s."),
    Action.SNOOZE: N_("By this link %(name)s has it, and will be reminded, %(at)s."),
    Action.ESCALATE: N_("By this link %(name)s passed it on, %(at)s."),
    Action.RESOLVE: N_("By this link %(name)s said that it is fixed, %(at)s."),
}
"""What has been answered by whom and when, as templates say it."""

USED = N_("This button of this link was pressed before. It works once.")
LATE = N_("Nothing was changed: somebody was faster.")


class Opened(NamedTuple):
    """A link that works: its token, what it says, in whose name it answers, and the answers already given by it."""

    token: str
    link: Link
    who: str
    uses: dict[Action, Use]

    def given(self, incident: Incident) -> dict[Action, Use]:
        """The answers by this link that the incident has taken in."""
        return {action: use for action, use in self.uses.items() if is_taken(incident, self.answer(action, use))}

    def answer(self, action: Action, use: Use) -> Answer:
        """That use of this link."""
        return Answer(action, use.who, self.link.destination, use.at)


async def show(request: web.Request) -> web.Response:
    """GET /act/TOKEN: what it is about, and the buttons. Changes nothing: mail scanners and chat previews look, too."""
    opened = await _open(request, request.match_info["token"])
    if opened.link.purpose is Purpose.DRILL:
        return _private(page(request, "drill.html", opened=opened, confirmed=opened.uses.get(Action.CONFIRM)))
    return _page(request, opened, await _incident(request.app[APP], opened.link))


async def act(request: web.Request) -> web.Response:
    """POST /act: the answer of one button, once; pressed again it says who answered what when."""
    form = await form_of(request)
    opened = await _open(request, str(form.get("token", "")))
    request[WHO], request[TARGET] = opened.who, opened.link.incident
    action = _action(str(form.get("action", "")), opened.link)
    if opened.link.purpose is Purpose.DRILL:
        await _claim(request.app[APP], opened, action)
    else:
        incident, done = await _answer(request.app[APP], opened, action)
        if not done:
            again = await _open(request, opened.token)
            status, notice = (410, USED) if action in again.given(incident) else (409, LATE)
            return _page(request, again, incident, status, notice)
    raise web.HTTPSeeOther(f"{PATH}{opened.token}")


async def _answer(app: App, opened: Opened, action: Action) -> tuple[Incident, bool]:
    """The incident as it is then, and whether this answer changed it.

    The use is written first, and a line of its very time into the timeline together with the change. If we die in
    between, the same button pressed again finds the use without the line and does what was left.
    """
    incident = await _incident(app, opened.link)
    if action not in offered(incident, opened.who):
        return incident, False
    answer = opened.answer(action, await _claim(app, opened, action))
    now, alerting, done = auth.utc_now(), app.config.alerting, False

    def change(one: Incident) -> Change:
        nonlocal done
        changed = take(one, answer, now, alerting.acknowledged, alerting.dismissed)
        done = changed.incident is not one
        return changed

    return await app.decide(incident.id, change) or incident, done


async def _claim(app: App, opened: Opened, action: Action) -> Use:
    use = Use(auth.utc_now(), opened.who)
    async with app.store.begin() as conn:
        return await links.claim(conn, digest(opened.token), action, use, opened.link.destination)


async def _open(request: web.Request, token: str) -> Opened:
    """What the token opens. Raises 410 for one that has run out, 403 for any other that does not work."""
    app, now = request.app[APP], auth.utc_now()
    async with app.store.connect() as conn:
        try:
            link = read(await links.verifying(conn), token, app.config.destinations, now)
        except Expired as error:
            raise web.HTTPGone(text=str(error)) from None
        except LinkError as error:
            # One that works is never slowed down: all people may come through one proxy.
            refusal = gettext("Too many wrong links from this address. Wait a minute, then try again.")
            count_wrong(request, request.app[BRAKE], refusal)
            raise web.HTTPForbidden(text=str(error)) from None
        if await links.is_revoked(conn, link.destination, link.made):
            raise web.HTTPForbidden(
                text=gettext("This link was withdrawn. The newest message may have one that works.")
            )
        uses = await links.uses(conn, digest(token))
    who = _name(app.config, link.destination)
    return Opened(token, link, who, {Action(action): use for action, use in uses.items()})


def _action(given: str, link: Link) -> Action:
    wanted = (Action.CONFIRM,) if link.purpose is Purpose.DRILL else tuple(BUTTONS)
    action = next((one for one in wanted if one == given), None)
    if action is None:
        words = gettext("This link has no such button. Go back, reload the page and press one of its own.")
        raise web.HTTPBadRequest(text=words)
    return action


async def _incident(app: App, link: Link) -> Incident:
    async with app.store.connect() as conn:
        found = await incidents.get(conn, link.incident)
    if found is None:
        raise web.HTTPGone(text=gettext("This incident is too old to be kept."))
    return found


def _page(
    request: web.Request, opened: Opened, incident: Incident, status: int = 200, notice: str = ""
) -> web.Response:
    """The page of a link about an incident."""
    given = opened.given(incident)
    values = {
        "opened": opened,
        "incident": incident,
        "asset": request.app[APP].config.asset(incident.asset),
        "given": [(DONE[action], use) for action, use in sorted(given.items(), key=lambda one: one[1].at)],
        "buttons": [(one, BUTTONS[one]) for one in offered(incident, opened.who) if one not in given],
        "notice": notice,
    }
    return _private(page(request, "link.html", status, **values))


def _name(config: Config, destination: str) -> str:
    """The person whose contact the destination is, else the destination itself."""
    contacts = ((contact.destination, person.name) for person in config.people for contact in person.contacts)
    return dict(contacts).get(destination, destination)


def _private(response: web.Response) -> web.Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response
