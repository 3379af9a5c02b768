"""A provider of OpenID Connect: what it says of itself, and whom its tokens identify."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
import jwt

from language import N_, SaidError
from monitor.config.model import Oidc
from monitor.people.accounts import folded
from monitor.people.roles import Role, highest

ALGORITHMS = ("RS256", "ES256")
TIMEOUT = 10.0
"""Seconds for one answer of the provider."""
LARGEST = 256 * 1024
"""Bytes of one answer."""
_KNOWN = timedelta(hours=1)
"""How long what a provider says of itself is believed; and its keys, unless a token names another one."""
_AGAIN = timedelta(minutes=1)
_LEEWAY = timedelta(minutes=1)


class Refused(SaidError):  # noqa: N818 - read as a sentence
    """Nobody was identified; says why and what helps."""


class Ask(NamedTuple):
    """What a sign-in is begun with: it comes back, or is proved, at its end (PKCE, RFC 7636)."""

    state: str
    nonce: str
    verifier: str
    redirect: str

    @classmethod
    def new(cls, redirect: str) -> "Ask":
        """One that leads back to that address."""
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), redirect)

    @property
    def challenge(self) -> str:
        """What the provider compares the verifier with."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")


class Known(NamedTuple):
    """What a provider says of itself, and its keys."""

    at: datetime
    authorization: str
    token: str
    posts_secret: bool
    keys: jwt.PyJWKSet


class Person(NamedTuple):
    """Whom a token identifies: for ever by `subject`, for people by name; None for somebody who may nothing."""

    subject: str
    name: str
    role: Role | None


class Provider:
    """One provider. What it says is asked for when it is needed, and kept for an hour."""

    def __init__(self, oidc: Oidc) -> None:
        self._oidc = oidc
        self._known: Known | None = None
        self._lock = asyncio.Lock()

    async def address(self, ask: Ask, now: datetime) -> str:
        """Where the browser goes to sign in. Raises Refused."""
        known = await self._current(now)
        asked = {
            "response_type": "code",
            "client_id": self._oidc.client_id,
            "redirect_uri": ask.redirect,
            "scope": " ".join(self._oidc.scopes),
            "state": ask.state,
            "nonce": ask.nonce,
            "code_challenge": ask.challenge,
            "code_challenge_method": "S256",
        }
        return f"{known.authorization}{'&' if urlsplit(known.authorization).query else '?'}{urlencode(asked)}"

    async def person(self, code: str, ask: Ask, now: datetime) -> Person:
        """Who has signed in, for the code that the browser brought back. Raises Refused."""
        known = await self._current(now)
        token = await self._exchanged(code, ask, known)
        if _key_id(token) not in {key.key_id for key in known.keys.keys} and now - known.at > _AGAIN:
            known = await self._current(now, anew=True)
        return identified(self._oidc, known.keys, token, ask.nonce)

    async def _exchanged(self, code: str, ask: Ask, known: Known) -> str:
        secret = self._oidc.client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": ask.redirect,
            "client_id": self._oidc.client_id,
            "code_verifier": ask.verifier,
        }
        if known.posts_secret:
            found = await _asked("POST", known.token, data=form | {"client_secret": secret})
        else:
            # RFC 6749, section 2.3.1: both are encoded like parts of a form first.
            login = aiohttp.encode_basic_auth(quote_plus(self._oidc.client_id), quote_plus(secret))
            found = await _asked("POST", known.token, data=form, headers={"Authorization": login})
        token = found.get("id_token")
        if not isinstance(token, str):
            raise Refused(N_("the provider sent no id_token; the scope `openid` must be among `server.oidc.scopes`"))
        return token

    async def _current(self, now: datetime, *, anew: bool = False) -> Known:
        async with self._lock:
            if self._known is None or anew or now - self._known.at > _KNOWN:
                self._known = await self._discovered(now)
            return self._known

    async def _discovered(self, now: datetime) -> Known:
        issuer = self._oidc.issuer
        found = await _asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            name = repr(str(found.get("issuer"))[:100])
            raise Refused(N_("the provider calls itself {name}; write that as the issuer"), name=name)
        places = [str(found.get(name, "")) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if any(urlsplit(place).scheme != urlsplit(issuer).scheme for place in places):
            raise Refused(N_("the provider names addresses without TLS"))
        authorization, token, jwks = places
        try:
            keys = jwt.PyJWKSet.from_dict(await _asked("GET", jwks))
        except jwt.PyJWTError as error:
            raise Refused(N_("the provider's keys cannot be used: {why}"), why=error) from None
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Known(now, authorization, token, "client_secret_basic" not in methods, keys)


def identified(oidc: Oidc, keys: jwt.PyJWKSet, token: str, nonce: str) -> Person:
    """Whom an id_token is about (OpenID Connect Core, 3.1.3.7). Raises Refused."""
    try:
        claims = jwt.decode(
            token,
            _key(keys, _key_id(token)),
            algorithms=ALGORITHMS,
            audience=oidc.client_id,
            issuer=oidc.issuer,
            leeway=_LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise Refused(N_("the provider's token is not valid: {why}"), why=error) from None
    if not secrets.compare_digest(str(claims.get("nonce", "")).encode(errors="replace"), nonce.encode()):
        raise Refused(N_("the provider's token is the answer to another question"))
    if claims.get("azp", oidc.client_id) != oidc.client_id:
        raise Refused(N_("the provider's token is for another program"))
    return Person(f"{oidc.issuer} {claims['sub']}"[:500], _name(oidc, claims), _role(oidc, claims))


def _name(oidc: Oidc, claims: Mapping[str, Any]) -> str:
    name = claims.get(oidc.name_claim)
    if not isinstance(name, str) or not name:
        words = N_("the provider does not say `{claim}` of you; ask for it in `server.oidc.scopes`")
        raise Refused(words, claim=oidc.name_claim)
    if oidc.name_claim == "email" and claims.get("email_verified") is not True:
        raise Refused(N_("the provider has not verified your e-mail address"))
    return folded(name)


def _role(oidc: Oidc, claims: Mapping[str, Any]) -> Role | None:
    """The highest role that a value of the claim stands for."""
    given = claims.get(oidc.role_claim)
    values = given if isinstance(given, list) else [given]
    return highest(*(oidc.roles[one] for one in values if isinstance(one, str) and one in oidc.roles))


def _key_id(token: str) -> str | None:
    try:
        found = jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError as error:
        raise Refused(N_("the provider's token cannot be read: {why}"), why=error) from None
    return found if isinstance(found, str) else None


def _key(keys: jwt.PyJWKSet, id: str | None) -> jwt.PyJWK:
    """The key of that id; a token that names none must be of the only one."""
    found = [key for key in keys.keys if key.key_id == id or (id is None and len(keys.keys) == 1)]
    if not found:
        raise Refused(N_("the provider's token is signed with a key that the provider does not know"))
    return found[0]


async def _asked(method: str, url: str, **request: Any) -> dict[str, Any]:
    """The JSON object that is the answer. Raises Refused."""
    host = urlsplit(url).hostname
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, url, allow_redirects=False, **request) as answer,
        ):
            body = bytearray()
            async for chunk in answer.content.iter_chunked(LARGEST):
                body += chunk
                if len(body) > LARGEST:
                    raise Refused(N_("{host} answered with more than {most} kB"), host=host, most=LARGEST // 1024)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        if not str(error):
            raise Refused(N_("{host} cannot be reached: no answer in time"), host=host) from None
        raise Refused(N_("{host} cannot be reached: {why}"), host=host, why=error) from None
    found = _object(bytes(body))
    if answer.status != 200 or found is None:
        why = str((found or {}).get("error", ""))[:100]
        raise Refused(N_("{host} answered with status {status}: {why}"), host=host, status=answer.status, why=why)
    return found


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
