"""What users write about the pages: where they are, and who may see them."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from monitor.config.model import Oidc, Server, Tls, TrustedProxy
from monitor.config.parts import Keyed, OneOrMore, Part
from monitor.config.values import is_web_address, parse_listen
from monitor.people.roles import Role
from probes._secrets import LineSecret, Secret


def _web_address(value: str) -> str:
    if not is_web_address(value):
        raise ValueError("must be the address of the pages, like `https://deskwatch.example.org`")
    return value.rstrip("/")


def _issuer(value: str) -> str:
    if not is_web_address(value):
        raise ValueError("must be the address of the provider, like `https://login.example.org/realms/staff`")
    if not value.startswith("https://") and urlsplit(value).hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("must begin with `https://`: what comes from there decides who is let in")
    return value


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(value))
    except ValueError:
        raise ValueError("must be an address or a network, like `127.0.0.1` or `10.0.0.0/8`") from None


def _absolute(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("must be a path from the root, like `/etc/deskwatch/tls/cert.pem`")
    return value


Given = Literal[Role.VIEWER, Role.OPERATOR, Role.ADMIN]
Listen = Annotated[
    tuple[str, int], BeforeValidator(parse_listen), WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8470"]})
]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_network),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1", "10.0.0.0/8"]}),
]
HeaderName = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9-]{0,63}$")]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]


class TlsFile(Part):
    """The certificate of the pages."""

    certificate: AbsolutePath = Field(description="PEM file of the certificate and those between it and its root.")
    key: AbsolutePath = Field(description="PEM file of its private key, without a password.")


class TrustedProxyFile(Part):
    """A proxy that knows who asks."""

    from_: OneOrMore[Network] = Field(alias="from", min_length=1, description="Addresses that it connects from.")
    header: HeaderName | None = Field(
        None, description="In which header it names who is signed in; without it only its X-Forwarded-For counts."
    )
    role: Given | None = Field(
        None, description="What those may do who have no account here; without it they are not let in."
    )


class OidcFile(Part):
    """Signing in with an account at a provider of OpenID Connect."""

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(description="The provider, as it calls itself.")
    name: str = Field("your company account", max_length=60, description="What the button calls it.")
    client_id: str = Field(min_length=1, description="How the provider knows Deskwatch.")
    client_secret: LineSecret = Field(description="The secret for it, as a reference.")
    scopes: OneOrMore[str] = Field(("openid", "email", "profile"), description="What the provider is asked for.")
    name_claim: Literal["email", "preferred_username"] = Field("email", description="What people are called here.")
    role_claim: str = Field("groups", min_length=1, description="The claim that says what somebody may do.")
    roles: Keyed[str, Given] = Field({}, description="The role for each value of that claim; the highest one counts.")


class ServerFile(Part):
    """Where the pages are, and who may see them."""

    listen: Listen = Field(("127.0.0.1", 8470), description="Address and port to listen on.")
    url: WebAddress = Field("", description="How people reach the pages; messages link there.")
    token: Secret | None = Field(None, description="Opens /metrics and /probe to Prometheus, as a reference.")
    tls: TlsFile | None = Field(None, description="Certificate, for HTTPS without a proxy.")
    insecure: bool = Field(
        False, description="Listen beyond this machine although there is no TLS, or nobody who can sign in."
    )
    sign_in_link: bool = Field(
        True,
        description="Print a link at every start that signs in as admin. If false, only while no admin has an account.",
    )
    trusted_proxy: TrustedProxyFile | None = Field(None, description="A proxy that knows who asks.")
    oidc: OidcFile | None = Field(None, description="Signing in with an account at another provider.")


def settle(file: ServerFile) -> Server:
    """The server that a file describes."""
    tls, proxy, oidc = file.tls, file.trusted_proxy, file.oidc
    return Server(
        *file.listen,
        file.url,
        file.token,
        tls=Tls(Path(tls.certificate), Path(tls.key)) if tls is not None else None,
        insecure=file.insecure,
        sign_in_link=file.sign_in_link,
        trusted_proxy=TrustedProxy(proxy.from_, proxy.header or "", proxy.role) if proxy is not None else None,
        oidc=Oidc(**dict(oidc)) if oidc is not None else None,
    )
