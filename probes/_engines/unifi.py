"""Lets us in to a UniFi Network application: on a UniFi OS console or, as it used to be, on a computer of its own."""

from http import HTTPStatus
from typing import Annotated, Self

from pydantic import Field, model_validator

from probes._base import Failed, Unmeasured
from probes._engines import Engines
from probes._engines.api import MOST_ANSWER, Answer, Api, Grant, Lines, Question, cookies
from probes._engines.devices import DeviceParams
from probes._engines.http.exchange import Trust, origin
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import LineSecret, Secret

_WHO = "the UniFi application"
_MFA_WANTED = 499
_TURNED_AWAY = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)  # 400 if it is a legacy one
_CSRF = "X-CSRF-Token"


class UnifiParams(DeviceParams):
    """Where the UniFi application is, how it lets us in, and which of its sites is meant."""

    port: Annotated[
        int, Field(ge=1, le=65_535, description="TCP port; 8443 or 443 for a legacy application, as installed")
    ] = 443
    username: Annotated[str, Field(max_length=200, description="a local user that may only view, without MFA")] = ""
    password: Annotated[Secret | None, Field(description="the password of that user")] = None
    api_key: Annotated[LineSecret | None, Field(description="API key, instead of user and password")] = None
    site: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=100, description="the site, as its web address shows it")
    ] = "default"
    legacy: Annotated[
        bool, Field(description="whether it is the application alone, on a computer of its own, without UniFi OS")
    ] = False
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.password is None) != (not self.username):
            raise ValueError("signing in needs both username and password")
        if (self.password is None) == (self.api_key is None):
            raise ValueError("say either api_key, or username and password")
        return self


def unifi_api(engines: Engines, params: UnifiParams, most: int = MOST_ANSWER) -> Api:
    """The Network application's API; paths begin below its prefix, like "/api/s/default/stat/health".

    `most` is in bytes of an answer. Asking it raises as `Api.ask` does.
    """
    console = origin(params.host, params.port)
    trust = Trust(params.tls_verify, params.ca_file)
    base = console if params.legacy else f"{console}/proxy/network"
    if params.api_key is not None:
        key: Lines = (("X-API-Key", params.api_key.get_secret_value()),)
        return Api(engines.http, base, _WHO, "`api_key`", private=key, trust=trust, most=most)
    door = Api(engines.http, console, _WHO, "`username` and `password`", trust=trust)

    async def sign_in(_: Api, deadline: float) -> Grant:
        return _granted(await door.try_(_credentials(params), deadline), door, legacy=params.legacy)

    return Api(engines.http, base, _WHO, "`username` and `password`", trust=trust, sign_in=sign_in, most=most)


def _credentials(params: UnifiParams) -> Question:
    password = params.password.get_secret_value() if params.password is not None else ""
    path = "/api/login" if params.legacy else "/api/auth/login"
    return Question(path, json={"username": params.username, "password": password}, signed=False)


def _granted(answer: Answer, door: Api, *, legacy: bool) -> Grant:
    """What an answer to signing in brought. Raises Unmeasured when we are turned away, Failed when it has no cookie."""
    if answer.status == _MFA_WANTED:
        raise Unmeasured("no_permission", f"{_WHO} wants a second factor; use a local user without MFA, or `api_key`")
    if answer.status == HTTPStatus.NOT_FOUND:
        kind = "a legacy application" if legacy else "UniFi OS"
        raise Unmeasured("no_permission", f"{_WHO} has no sign-in of {kind}; correct `legacy`")
    if answer.status in _TURNED_AWAY:
        raise door.objection(HTTPStatus.UNAUTHORIZED)
    if answer.status != HTTPStatus.OK:
        raise door.objection(answer.status)
    if not (session := cookies(answer)):
        raise Failed("malformed", f"{_WHO} let us in, but gave no cookie for the questions that follow")
    token = answer.header(_CSRF)
    return Grant((*session, (_CSRF, token)) if token else session)
