"""Asks a RADIUS server whether it is alive, lets our own account in, and keeps a stranger out."""

import asyncio
import secrets
import socket
import time
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, IPvAnyAddress, model_validator

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import radius
from probes._engines.connect import connect, network_failure, open_socket
from probes._engines.excerpt import excerpt
from probes._engines.radius import Answer, Code, Forged, Malformed, Unsigned
from probes._engines.resolve import Family, Host, Interface, Resolved, resolve
from probes._secrets import Secret

_MARGIN = 0.05  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation

_SECONDS = "deskwatch_radius_answer_seconds"

Ask = Literal["status", "accept", "reject"]
"""What is asked: whether it is alive, with an account that is let in, with one that is not."""


def _name(text: str) -> str:
    if len(text.encode()) > 253:
        raise ValueError("a user name of RADIUS has at most 253 bytes")
    return text


UserName = Annotated[str, AfterValidator(_name), Field(min_length=1)]


class RadiusParams(Params):
    """Which server, how it knows us, and what it is asked."""

    host: Annotated[Host, Field(description="host name or address of the RADIUS server")]
    port: Annotated[int, Field(ge=1, le=65_535, description="UDP port of authentication")] = 1812
    secret: Annotated[Secret, Field(description="secret that the server shares with this machine as its client")]
    status: Annotated[
        bool, Field(description="ask with Status-Server whether it is alive; off for servers that do not know that")
    ] = True
    username: Annotated[
        UserName | None, Field(description="account of our own that must be let in, by password (PAP)")
    ] = None
    password: Annotated[Secret | None, Field(description="its password")] = None
    stranger: Annotated[
        UserName | None,
        Field(description="name that has no account and must be rejected, e.g. deskwatch-nobody; not tried if not set"),
    ] = None
    nas_identifier: Annotated[
        UserName, Field(description="what we call ourselves, as an access point does: the server's rules may go by it")
    ] = "deskwatch"
    family: Annotated[Family, Field(description="IP version, for a server given by name")] = "auto"
    source: Annotated[IPvAnyAddress | None, Field(description="address of this machine that the server knows")] = None
    interface: Annotated[Interface | None, Field(description="interface of this machine to use, e.g. mgmt0")] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if not (self.status or self.username or self.stranger):
            raise ValueError("nothing is asked: set status, username with password, or stranger")
        if self.password is not None and len(self.password.get_secret_value().encode()) > radius.LONGEST_PASSWORD:
            raise ValueError(f"a password of PAP has at most {radius.LONGEST_PASSWORD} bytes")
        return self

    @property
    def target(self) -> str:
        """The host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def asks(self) -> tuple[Ask, ...]:
        """What is to be asked, in the order in which it is judged."""
        wanted: Mapping[Ask, bool] = {
            "status": self.status,
            "accept": self.username is not None,
            "reject": self.stranger is not None,
        }
        return tuple(ask for ask, whether in wanted.items() if whether)


class Heard(NamedTuple):
    """What came back to one question after so many seconds: an answer, or None and, in words, what came instead."""

    answer: Answer | None
    took: float
    instead: Exception | None = None


class Radius(Probe[RadiusParams]):
    """Whether a RADIUS server answers, and lets in whom it should and nobody else."""

    Params = RadiusParams
    metrics = (
        Metric(
            _SECONDS,
            "Time until the answer: whether it is alive, to a known account, to an unknown one (which servers delay)",
            "seconds",
            "question",
            ("status", "accept", "reject"),
        ),
    )
    reasons: ClassVar = {
        "no_answer": "the server is down, or does not know our address or our secret: it is silent either way",
        "logins_unanswered": "the server is alive and does not decide: its user database does not answer",
        "rejected": "the account that must be let in is not: its password has changed, or users cannot be looked up",
        "stranger_accepted": "an account that does not exist is let in",
        "unsigned": "the answer lacks the signature without which it can be forged (BlastRADIUS)",
        "malformed": "what came back is no answer to the request",
        "refused": "nothing listens at that port of the host",
        "unreachable": "the network on the way says that the server can't be reached",
        "unresolved": "the host name has no address",
    }
    rules = (
        DefaultRule(
            "slow",
            _SECONDS,
            "takes more than half a second to let a member in",
            part="accept",
            above=0.5,
            clear=0.3,
            times=3,
            window=5,
        ),
        DefaultRule(
            "slow-status",
            _SECONDS,
            "takes more than half a second to say that it is alive",
            part="status",
            above=0.5,
            clear=0.3,
            times=3,
            window=5,
        ),
    )
    latency = (_SECONDS, "status")

    async def measure(self, timeout: float) -> Measured:
        """Ask everything at once, and judge the answers together: what is answered explains what is not."""
        deadline = time.monotonic() + timeout - _MARGIN
        params = self.params
        found = await resolve(params.host, params.family, timeout, params.source)
        patience = deadline - time.monotonic()
        heard = await asyncio.gather(*(self._hear(ask, found, patience) for ask in params.asks))
        return judged(params, dict(zip(params.asks, heard, strict=True)), patience)

    async def _hear(self, ask: Ask, found: Resolved, patience: float) -> Heard:
        """The first good answer to a question within so many seconds, or what came instead."""
        params, loop, began = self.params, asyncio.get_running_loop(), time.monotonic()
        request, secret = _request(params, ask), params.secret.get_secret_value().encode()
        instead: Exception | None = None
        with open_socket(socket.SOCK_DGRAM, found.version, str(params.source or ""), params.interface or "") as opened:
            try:
                async with asyncio.timeout(patience):
                    await connect(opened, found, params.port)
                    await loop.sock_sendall(opened, radius.packed(request, secret))
                    while True:
                        message = await loop.sock_recv(opened, radius.MOST)
                        try:
                            return Heard(radius.answer(message, request, secret), time.monotonic() - began)
                        except (Malformed, Forged, Unsigned) as error:  # anybody can send that
                            instead = error
            except TimeoutError:
                return Heard(None, time.monotonic() - began, instead)
            except OSError as error:
                return Heard(None, time.monotonic() - began, network_failure(error, params.target))


def _request(params: RadiusParams, ask: Ask) -> radius.Request:
    """The request for a question."""
    authenticator, secret = secrets.token_bytes(16), params.secret.get_secret_value().encode()
    attributes = [(radius.NAS_IDENTIFIER, params.nas_identifier.encode())]
    if ask == "status":
        return radius.Request(Code.STATUS_SERVER, secrets.randbits(8), authenticator, attributes)
    user, clear = params.stranger or "", secrets.token_urlsafe(16)
    if ask == "accept" and params.username is not None and params.password is not None:
        user, clear = params.username, params.password.get_secret_value()
    attributes.append((radius.USER_NAME, user.encode()))
    attributes.append(radius.password(clear.encode(), authenticator, secret))
    return radius.Request(Code.ACCESS_REQUEST, secrets.randbits(8), authenticator, attributes)


def judged(params: RadiusParams, heard: Mapping[Ask, Heard], patience: float) -> Measured:
    """What was heard means. Raises Failed when members cannot sign in, or strangers can."""
    samples = tuple(Sample(_SECONDS, one.took, ask) for ask, one in heard.items() if one.answer is not None)
    silent = [ask for ask, one in heard.items() if one.answer is None]
    if silent:
        raise _unanswered(params, heard, silent, patience, samples)
    for ask, one in heard.items():
        objection = _objection(params, ask, one.answer or Answer(0, ()))
        if objection:
            raise Failed(*objection, samples)
    return Measured(", ".join(_said(params, ask, one.took) for ask, one in heard.items()), samples)


def _unanswered(
    params: RadiusParams, heard: Mapping[Ask, Heard], silent: list[Ask], patience: float, samples: tuple[Sample, ...]
) -> Failed | Unmeasured:
    """What it means that some questions, or all, have no good answer."""
    who = f"the RADIUS server {params.target}"
    instead = next((heard[ask].instead for ask in silent if heard[ask].instead is not None), None)
    if isinstance(instead, Failed | Unmeasured):
        return instead
    if isinstance(instead, Unsigned):
        detail = "answers without Message-Authenticator, so that somebody on the way could let anybody in"
        return Failed("unsigned", f"{who} {detail}: update the server, or have it sign its answers", samples)
    if isinstance(instead, Forged):
        return Unmeasured("no_permission", f"the answer of {who} is not signed with our secret; correct `secret`")
    if isinstance(instead, Malformed):
        return Failed("malformed", f"{who}: {instead}", samples)
    if len(silent) < len(heard) and "status" not in silent:
        detail = f"is alive, and did not decide on a log-in within {patience:.3g} s: its user database does not answer"
        return Failed("logins_unanswered", f"{who} {detail}", samples)
    if len(silent) < len(heard):
        detail = "answers log-ins, and not Status-Server; set status: false if it does not know that"
        return Failed("no_answer", f"{who} {detail}", samples)
    detail = "it is down, or it does not know this machine's address or our secret, which look the same from here"
    return Failed("no_answer", f"{who} did not answer within {patience:.3g} s: {detail}", samples)


def _objection(params: RadiusParams, ask: Ask, answer: Answer) -> tuple[str, str] | None:
    """Reason and words, None if it is the right answer to the question."""
    who, accepted = f"the RADIUS server {params.target}", answer.code == Code.ACCESS_ACCEPT
    if answer.code not in (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE):
        return "malformed", f"{who} answers with a message of type {answer.code}"
    if ask == "reject":
        words = f"lets {excerpt(params.stranger or '', 60)} in, who has no account: anybody may get into the network"
        return ("stranger_accepted", f"{who} {words}") if accepted else None
    if ask == "accept" and not accepted:
        how = "asks for more than the password of" if answer.code == Code.ACCESS_CHALLENGE else "rejects"
        words = f"{how} our own account {excerpt(params.username or '', 60)}{_reason(answer)}"
        return "rejected", f"{who} {words}: its password changed, or the server cannot look up its users"
    if ask == "status" and not accepted:
        return "malformed", f"{who} answers Status-Server with a message of type {answer.code}"
    return None


def _reason(answer: Answer) -> str:
    """What the server says about it, for people."""
    said = next((value for kind, value in answer.attributes if kind == radius.REPLY_MESSAGE), b"")
    return f", saying {excerpt(said.decode(errors='replace'))}" if said else ""


def _said(params: RadiusParams, ask: Ask, took: float) -> str:
    what = {"status": "alive", "accept": "our account let in", "reject": "a stranger kept out"}[ask]
    return f"{what} after {1000 * took:.3g} ms"
