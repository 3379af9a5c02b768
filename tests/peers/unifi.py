"""A UniFi Network application, as public captures show its answers: on a UniFi OS console, or a legacy one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.tcp import serving
from peers.web_api import Reply, WebApi

USERNAME = "deskwatch"
PASSWORD = canary("unifi-password")
API_KEY = canary("unifi-key")
TOKEN = canary("unifi-session")
CSRF = canary("unifi-csrf")


def ok(*rows: Any) -> dict[str, Any]:
    """Rows in the envelope of the older endpoints."""
    return {"meta": {"rc": "ok"}, "data": list(rows)}


def error(word: str) -> dict[str, Any]:
    """The envelope of an error."""
    return {"meta": {"rc": "error", "msg": word}, "data": []}


@dataclass
class Unifi:
    """What each path below the application's prefix answers to GET, and who is let in.

    `sessions` are the cookies that are good; a test empties it to end them. `legacy` is one without UniFi OS.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    legacy: bool = False
    sessions: set[str] = field(default_factory=set)
    signed_in: int = 0

    def __post_init__(self) -> None:
        self.prefix = "" if self.legacy else "/proxy/network"
        self.login = "/api/login" if self.legacy else "/api/auth/login"
        self.api = WebApi(door=self._door)

    def _door(self, asked: Asked) -> Reply | None:
        if f"{asked.method} {asked.path}" == f"POST {self.login}":
            return self._sign_in(asked)
        if asked.headers.get("x-api-key") != API_KEY and not self._known(asked):
            return Reply(error("api.err.LoginRequired"), 401)
        path = asked.path.removeprefix(self.prefix)
        if not asked.path.startswith(self.prefix) or asked.method != "GET" or path not in self.answers:
            return Reply(error("api.err.NotFound"), 404)
        found = self.answers[path]
        if callable(found):
            found = found(asked)
        return found if isinstance(found, Reply) else Reply(found)

    def _known(self, asked: Asked) -> bool:
        cookies = dict(part.strip().partition("=")[::2] for part in asked.headers.get("cookie", "").split(";"))
        name = "unifises" if self.legacy else "TOKEN"
        return cookies.get(name) in self.sessions and (self.legacy or asked.headers.get("x-csrf-token") == CSRF)

    def _sign_in(self, asked: Asked) -> Reply:
        if asked.document != {"username": USERNAME, "password": PASSWORD}:
            return (
                Reply(error("api.err.Invalid"), 400) if self.legacy else Reply({"code": "AUTHENTICATION_FAILED"}, 403)
            )
        self.signed_in += 1
        session = f"{TOKEN}-{self.signed_in}"
        self.sessions.add(session)
        if self.legacy:
            set_cookies = (("Set-Cookie", f"unifises={session}; Path=/; Secure"), ("Set-Cookie", f"csrf_token={CSRF}"))
            return Reply(ok(), headers=set_cookies)
        return Reply(
            {"unique_id": "1", "deviceToken": canary("unifi-device")},
            headers=(("Set-Cookie", f"TOKEN={session}; path=/; secure; httponly"), ("X-CSRF-Token", CSRF)),
        )


@asynccontextmanager
async def console(unifi: Unifi, tls: SSLContext) -> AsyncIterator[int]:
    """Serve as this application; yields the port."""
    async with serving(unifi.api.talk, tls=tls) as port:
        yield port
