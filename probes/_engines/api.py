"""Asks the web API of a device or a vendor for JSON: signs in, keeps to its limits, and says what went wrong."""

import base64
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode

from probes._base import Failed, Unmeasured
from probes._engines.http import exchange
from probes._engines.http.engine import HttpEngine
from probes._engines.http.exchange import Request, Response, Trust

REASONS = {
    **{word: meaning for word, meaning in exchange.REASONS.items() if word != "too_many_redirects"},
    "wrong_status": "the web API answered with an error of its own",
}
"""The reasons for which asking a web API fails; "timeout" comes with every kind."""

MOST_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer: a page of a list is far smaller, and reading more would hold up the other checks."""

MARGIN = 0.05
"""Seconds that a kind keeps back of its timeout, so that the verdict is its own and not the caller's cancellation."""

_BACK_OFF = 60.0  # seconds without a question after "too many requests" that does not say how long
_LONGEST_BACK_OFF = 3600.0
_EARLY = 30.0  # seconds before its end that a sign-in is renewed

Lines = tuple[tuple[str, str], ...]
"""Header lines, by name and value."""


class Question(NamedTuple):
    """One request: a path below the API's address, what follows its question mark, and what is sent.

    `json` or `form` is the body; either makes a GET a POST unless `method` says otherwise. `signed` says whether the
    lines of the sign-in go along, `page` that a web page is the answer, whose text does not matter.
    """

    path: str
    query: Mapping[str, str | int] = {}
    method: str = ""
    json: Any = None
    form: Mapping[str, str] = {}
    headers: Lines = ()
    private: Lines = ()
    signed: bool = True
    page: bool = False

    def __repr__(self) -> str:
        return f"Question({self.path!r})"


class Answer(NamedTuple):
    """What came back: `document` is the JSON, None without a body. `took` is in seconds."""

    status: int
    document: Any
    response: Response
    took: float

    def header(self, name: str) -> str:
        """The first header line of that name, "" without one."""
        return self.response.header(name) or ""

    def __repr__(self) -> str:
        return f"Answer({self.status})"


@dataclass(frozen=True, slots=True)
class Grant:
    """What signing in brought: secret header lines for every further question, valid for `seconds`."""

    private: Lines
    seconds: float = 3600

    def __repr__(self) -> str:
        return "Grant(***)"


class Api:
    """The web API at `base`, like "https://api.example.com/v1", asked by one check.

    `who` completes "... does not let us in" and the like: "the booking platform". `settings` names what to correct
    then. `private` are header lines that sign every question; `sign_in` gets them where they have to be asked for;
    `login` is user and password for a server that asks for them as HTTP itself provides.
    `expired` says of an answer whether it means that the sign-in has ended, where that is not told by status 401.
    """

    def __init__(
        self,
        engine: HttpEngine,
        base: str,
        who: str,
        settings: str,
        *,
        headers: Lines = (),
        private: Lines = (),
        login: tuple[str, str] = ("", ""),
        trust: Trust | None = None,
        sign_in: Callable[["Api", float], Awaitable[Grant]] | None = None,
        expired: Callable[[Response], bool] | None = None,
        most: int = MOST_ANSWER,
    ) -> None:
        self.who = who
        self._engine = engine
        self._base = base.rstrip("/")
        self._settings = settings
        self._headers = headers if _named("accept", headers) else (("Accept", "application/json"), *headers)
        self._private = private
        self._login = login
        self._trust = trust or Trust()
        self._sign_in = sign_in
        self._expired = expired
        self._most = most
        self._grant: Grant | None = None
        self._granted_until = 0.0
        self._quiet_until = 0.0

    async def get(self, path: str, deadline: float, **query: str | int) -> Any:
        """The document at a path, by a time of the monotonic clock. Raises as `ask` does."""
        return (await self.ask(Question(path, query), deadline)).document

    async def ask(self, question: Question, deadline: float) -> Answer:
        """The answer to a question, by a time of the monotonic clock, if it is a good one (status 2xx).

        Raises Failed when the API failed, Unmeasured "no_permission" when it does not let us in, and "throttled" while
        it does not want to be asked.
        """
        answer = await self.try_(question, deadline)
        if not _is_good(answer.status):
            raise self.objection(answer.status)
        return answer

    async def try_(self, question: Question, deadline: float) -> Answer:
        """The answer to a question, whatever its status, by a time of the monotonic clock; signs in first if it must.

        Raises Failed when no answer came or it is no JSON, Unmeasured "throttled" while the API does not want to be
        asked.
        """
        fresh = await self._enter(deadline) if question.signed else True
        answer = await self._send(question, deadline)
        if answer.status == HTTPStatus.UNAUTHORIZED and not fresh:
            self.forget()  # it ended before its time
            await self._enter(deadline)
            answer = await self._send(question, deadline)
        return answer

    @property
    def quiet(self) -> float:
        """Seconds for which the API does not want to be asked, 0 if it may be."""
        return max(self._quiet_until - time.monotonic(), 0)

    def forget(self) -> None:
        """Sign in anew before the next question."""
        self._grant = None

    def objection(self, status: int) -> Failed | Unmeasured:
        """What a status that is not 2xx says."""
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            words = f"{self.who} does not let us in, status {status}; correct {self._settings}"
            return Unmeasured("no_permission", words)
        return Failed("wrong_status", f"{self.who} answered with status {status}")

    async def _enter(self, deadline: float) -> bool:
        """Sign in if that has to be done; whether it was done just now."""
        if self._sign_in is None:
            return True
        if self._grant is not None and time.monotonic() < self._granted_until:
            return False
        self._grant = await self._sign_in(self, deadline)
        self._granted_until = time.monotonic() + max(self._grant.seconds - _EARLY, self._grant.seconds / 2)
        return True

    async def _send(self, question: Question, deadline: float) -> Answer:
        began = time.monotonic()
        if began < self._quiet_until:
            raise self._throttled()
        if began >= deadline:
            raise Failed("timeout", f"{self.who} took too long")
        response = await self._engine.fetch(self._request(question), deadline - began)
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._quiet_until = time.monotonic() + _pause(response.header("Retry-After"))
            raise self._throttled()
        status = HTTPStatus.UNAUTHORIZED if self._is_over(question, response) else response.status
        document = None if question.page else self._document(response, status)
        return Answer(status, document, response, time.monotonic() - began)

    def _is_over(self, question: Question, response: Response) -> bool:
        return question.signed and self._expired is not None and self._expired(response)

    def _request(self, question: Question) -> Request:
        granted = self._grant.private if question.signed and self._grant is not None else ()
        request = Request(
            url=f"{self._base}{question.path}" + (f"?{urlencode(question.query)}" if question.query else ""),
            method=question.method or "GET",
            headers=(*self._headers, *question.headers),
            private=(*(self._private if question.signed else ()), *granted, *question.private),
            login=self._login if question.signed else ("", ""),
            redirects=0,
            most_body=self._most,
            trust=self._trust,
        )
        kind, body = _body(question)
        if not kind:
            return request
        headers = (*request.headers, ("Content-Type", kind))
        return replace(request, method=question.method or "POST", headers=headers, body=body)

    def _document(self, response: Response, status: int) -> Any:
        if not response.body.strip():
            return None
        try:
            return json.loads(response.body)
        except (ValueError, RecursionError):
            if not _is_good(status):
                return None  # pages of errors and redirects are written by whatever stands before the API
            raise Failed("malformed", f"the answer of {self.who} is no JSON") from None

    def _throttled(self) -> Unmeasured:
        wait = max(self._quiet_until - time.monotonic(), 1)
        return Unmeasured("throttled", f"{self.who} wants not to be asked for {wait:.0f} s; make the interval longer")


def _is_good(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _named(name: str, lines: Lines) -> bool:
    return any(line[0].lower() == name for line in lines)


def bearer(token: str) -> Lines:
    """The header line that shows a token."""
    return (("Authorization", f"Bearer {token}"),)


def basic(username: str, password: str) -> Lines:
    """The header line of basic authentication (RFC 7617)."""
    return (("Authorization", f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"),)


def cookies(*answers: Answer) -> Lines:
    """The header line that gives back what answers have set as cookies, the newest of a name; none if they set none."""
    lines = [line.partition(";")[0].strip() for answer in answers for line in answer.response.headers("Set-Cookie")]
    found = {line.partition("=")[0]: line for line in lines}
    return (("Cookie", "; ".join(found.values())),) if found else ()


def rows(document: Any, *path: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of the list at a path of keys in a document. Raises Failed "malformed" where there is no list."""
    for step in path:
        document = document.get(step) if isinstance(document, Mapping) else None
    if not isinstance(document, list):
        where = ".".join(path) or "the answer"
        raise Failed("malformed", f"the answer does not follow the API: {where} is no list")
    return tuple(one for one in document if isinstance(one, Mapping))


def _body(question: Question) -> tuple[str, bytes]:
    """Content type and bytes of what is sent, "" if nothing is."""
    if question.json is not None:
        return "application/json", json.dumps(question.json).encode()
    if question.form:
        return "application/x-www-form-urlencoded", urlencode(question.form).encode()
    return "", b""


def _pause(retry_after: str | None) -> float:
    """Seconds that an API wants to be left alone; a date, and what is no number, count as a minute."""
    try:
        wait = float(retry_after or _BACK_OFF)
    except ValueError:
        wait = _BACK_OFF
    return min(max(wait, 1.0), _LONGEST_BACK_OFF) if wait == wait else _BACK_OFF
