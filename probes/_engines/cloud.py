"""What kinds that ask a web API in the cloud share: its address as a setting, and a token for a user."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from probes._base import Params
from probes._engines import Engines, oauth
from probes._engines.api import Api, Grant, Lines, basic
from probes._secrets import LineSecret, Secret


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("an address begins with https:// and a host name, and has no ? and no #")
    if parts.username is not None:
        raise ValueError("user and password do not belong in the address; there are settings for them")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("write the address as browsers send it: xn--… for the host, %20 for a space")
    _ = parts.port  # raises ValueError when it is none
    return url.rstrip("/")


Address = Annotated[str, AfterValidator(_address), Field(max_length=2000)]
"""A setting that holds the address of a web API, without a slash at its end."""


class CloudParams(Params):
    """Settings of a kind that asks a web API by its address."""

    url: Annotated[Address, Field(description="address of the API")]

    @property
    def target(self) -> str:
        """The host of the API."""
        return host_of(self.url)

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The address."""
        return {"url": target}


def host_of(address: str) -> str:
    """The host and port of an address."""
    return urlsplit(address).netloc


def password_grant(
    engines: Engines,
    address: str,
    who: str,
    client: tuple[str, LineSecret],
    user: tuple[str, Secret],
    *,
    further: Mapping[str, str] | None = None,
    private: Lines = (),
) -> Callable[[Api, float], Awaitable[Grant]]:
    """Signs a user in with a password, for a client with a secret (RFC 6749, section 4.3).

    `address` is where tokens are given, `further` are fields sent beside user and password, `private` header lines.
    """
    tokens = Api(engines.http, address, who, "")
    signed = (*basic(client[0], client[1].get_secret_value()), *private)
    form = {"grant_type": "password", "username": user[0], "password": user[1].get_secret_value(), **(further or {})}
    settings = "`client_id`, `client_secret`, `username` and `password`"

    async def sign_in(_: Api, deadline: float) -> Grant:
        return await oauth.grant(tokens, "", form, settings, deadline, private=signed)

    return sign_in
