"""Asking web APIs: signing in, keeping to their limits, telling whose fault an answer is, and no word of secrets."""

import json
import logging
import time
from typing import Any

import pytest
from peers.canaries import canary
from peers.tcp import answering, http, serving
from peers.web_api import Reply, WebApi

from probes._base import Failed, Unmeasured
from probes._engines import Engines
from probes._engines.api import MOST_ANSWER, Answer, Api, Grant, Question, _pause, basic, bearer, cookies, rows

SECRET = canary("token")


def api_at(engines: Engines, port: int, **more: Any) -> Api:
    return Api(engines.http, f"http://127.0.0.1:{port}/v1/", "the platform", "`token`", **more)


def soon(seconds: float = 60) -> float:
    return time.monotonic() + seconds


class SignIn:
    """Hands out a new token each time."""

    def __init__(self, seconds: float = 3600) -> None:
        self.times = 0
        self._seconds = seconds

    async def __call__(self, api: Api, deadline: float) -> Grant:
        self.times += 1
        await api.ask(Question("/login", json={"password": SECRET}, signed=False), deadline)
        return Grant(bearer(f"{SECRET}-{self.times}"), self._seconds)


async def unmeasured(api: Api, path: str = "/things") -> Unmeasured:
    with pytest.raises(Unmeasured) as raised:
        await api.get(path, soon())
    assert "canary-" not in f"{raised.value} {raised.value!r}"
    return raised.value


async def failed(api: Api, path: str = "/things", seconds: float = 60) -> Failed:
    with pytest.raises(Failed) as raised:
        await api.get(path, soon(seconds))
    assert "canary-" not in f"{raised.value} {raised.value!r}"
    return raised.value


async def test_a_question_has_its_path_query_and_lines(engines: Engines) -> None:
    peer = WebApi({"GET /v1/things": {"data": []}, "POST /v1/forms": 1, "PUT /v1/documents": 2})
    async with serving(peer.talk) as port:
        api = api_at(engines, port, private=bearer(SECRET), headers=(("X-Version", "2"),))
        assert await api.get("/things", soon(), page=2, name="a b&c") == {"data": []}
        assert (await api.ask(Question("/forms", form={"a": "ä&"}), soon())).document == 1
        changed = Question("/documents", method="PUT", json={"a": [1]}, private=(("X-More", "yes"),), signed=False)
        assert (await api.ask(changed, soon())).document == 2
    things, forms, documents = peer.asked
    assert things.query == {"page": ["2"], "name": ["a b&c"]}
    assert things.headers["authorization"] == f"Bearer {SECRET}"
    assert (things.headers["accept"], things.headers["x-version"]) == ("application/json", "2")
    assert (forms.body, forms.headers["content-type"]) == (b"a=%C3%A4%26", "application/x-www-form-urlencoded")
    assert (documents.document, documents.headers["content-type"]) == ({"a": [1]}, "application/json")
    assert "authorization" not in documents.headers
    assert documents.headers["x-more"] == "yes"


async def test_a_version_of_the_api_is_asked_for_alone(engines: Engines) -> None:
    peer = WebApi({"GET /v1/things": 1})
    async with serving(peer.talk) as port:
        await api_at(engines, port, headers=(("accept", "application/vnd.platform.v2+json"),)).get("/things", soon())
    assert peer.asked[0].headers["accept"] == "application/vnd.platform.v2+json"


async def test_signing_in_is_done_once_and_again_when_it_has_ended(engines: Engines) -> None:
    sign_in = SignIn()
    peer = WebApi({"POST /v1/login": None, "GET /v1/things": lambda asked: asked.headers["authorization"]})
    async with serving(peer.talk) as port:
        api = api_at(engines, port, sign_in=sign_in)
        assert await api.get("/things", soon()) == f"Bearer {SECRET}-1"
        assert await api.get("/things", soon()) == f"Bearer {SECRET}-1"
        assert sign_in.times == 1
        peer.first = [Reply({"error": "expired"}, 401)]
        assert await api.get("/things", soon()) == f"Bearer {SECRET}-2"
        api.forget()
        assert await api.get("/things", soon()) == f"Bearer {SECRET}-3"
    logins = [asked for asked in peer.asked if asked.path == "/v1/login"]
    assert all("authorization" not in asked.headers for asked in logins)


async def test_a_short_sign_in_is_renewed_before_it_ends(engines: Engines) -> None:
    sign_in = SignIn(seconds=0)
    peer = WebApi({"POST /v1/login": None, "GET /v1/things": 1})
    async with serving(peer.talk) as port:
        api = api_at(engines, port, sign_in=sign_in)
        await api.get("/things", soon())
        await api.get("/things", soon())
    assert sign_in.times == 2


async def test_whoever_is_not_let_in_anew_is_not_asked_without_end(engines: Engines) -> None:
    sign_in = SignIn()
    peer = WebApi({"POST /v1/login": None, "GET /v1/things": Reply({"error": "no"}, 401)})
    async with serving(peer.talk) as port:
        api = api_at(engines, port, sign_in=sign_in)
        assert (await unmeasured(api)).detail == "the platform does not let us in, status 401; correct `token`"
        assert peer.paths == ["POST /v1/login", "GET /v1/things"]
        assert (await unmeasured(api)).reason == "no_permission"
    assert sign_in.times == 2


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_token_says_nothing_about_the_platform(engines: Engines, status: int) -> None:
    peer = WebApi({"GET /v1/things": Reply({"error": SECRET}, status)})
    async with serving(peer.talk) as port:
        found = await unmeasured(api_at(engines, port, private=bearer(SECRET)))
    assert found.reason == "no_permission"
    assert f"status {status}; correct `token`" in found.detail
    assert len(peer.asked) == 1


@pytest.mark.parametrize(
    ("retry_after", "words"),
    [
        ("7", "for 7 s"),
        ("Fri, 31 Dec 2027 23:59:59 GMT", "for 60 s"),
        ("soon", "for 60 s"),
        ("", "for 60 s"),
        (None, "for 60 s"),
        ("99999999999999", "for 3600 s"),
        ("inf", "for 3600 s"),
        ("nan", "for 60 s"),
        ("-5", "for 1 s"),
        ("0", "for 1 s"),
    ],
)
async def test_who_asks_too_often_leaves_the_platform_alone(
    engines: Engines, retry_after: str | None, words: str
) -> None:
    lines = () if retry_after is None else (("Retry-After", retry_after),)
    peer = WebApi({"GET /v1/things": Reply({"error": "slow down"}, 429, lines)})
    async with serving(peer.talk) as port:
        api, began = api_at(engines, port), time.monotonic()
        found = await unmeasured(api)
        assert (found.reason, words in found.detail) == ("throttled", True), found.detail
        assert (await unmeasured(api)).reason == "throttled"
    assert len(peer.asked) == 1 or time.monotonic() - began >= 1, "before the shortest pause is over"


def test_a_pause_is_never_longer_than_an_hour_or_shorter_than_a_second() -> None:
    assert [_pause(given) for given in ("0.2", "1", "90", "1e300", "-inf")] == [1, 1, 90, 3600, 1]


async def test_the_limit_is_kept_to_also_while_signing_in(engines: Engines) -> None:
    peer = WebApi({"POST /v1/login": Reply(None, 429, (("Retry-After", "60"),))})
    async with serving(peer.talk) as port:
        api = api_at(engines, port, sign_in=SignIn())
        assert (await unmeasured(api)).reason == "throttled"
        assert (await unmeasured(api)).reason == "throttled"
    assert len(peer.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_with_secrets(engines: Engines, status: int) -> None:
    other = WebApi({"GET /v1/things": 1, "POST /v1/things": 1})
    async with serving(other.talk) as elsewhere:
        moved = Reply(b"<html>moved</html>", status, (("Location", f"http://127.0.0.1:{elsewhere}/v1/things"),))
        peer = WebApi({"GET /v1/things": moved, "POST /v1/things": moved})
        async with serving(peer.talk) as port:
            api = api_at(engines, port, private=bearer(SECRET))
            found = await failed(api)
            answer = await api.try_(Question("/things", json={"password": SECRET}), soon())
    assert (found.reason, found.detail) == ("wrong_status", f"the platform answered with status {status}")
    assert (answer.status, answer.document) == (status, None)
    assert not other.asked


@pytest.mark.parametrize(
    "body",
    [b"<html>Login</html>", b"{", b"\xff\xfe\xfd", b"[" * 200_000, b"1" * 10_000, SECRET.encode()],
    ids=["page", "half", "binary", "deep", "long number", "secret"],
)
async def test_what_is_no_json_does_not_follow_the_api(engines: Engines, body: bytes) -> None:
    async with serving(answering(http(body))) as port:
        found = await failed(api_at(engines, port))
    assert (found.reason, found.detail) == ("malformed", "the answer of the platform is no JSON")


async def test_an_empty_answer_is_no_document(engines: Engines) -> None:
    async with serving(answering(http(b" \n", status="204 No Content"))) as port:
        assert await api_at(engines, port).get("/things", soon()) is None


@pytest.mark.parametrize("status", [400, 404, 418, 500, 502, 503, 599])
async def test_a_page_of_an_error_is_a_wrong_status(engines: Engines, status: int) -> None:
    page = f"<html><h1>{SECRET}</h1></html>".encode()
    async with serving(answering(http(page, status=f"{status} Oops"))) as port:
        found = await failed(api_at(engines, port))
        answer = await api_at(engines, port).try_(Question("/things"), soon())
    assert (found.reason, found.detail) == ("wrong_status", f"the platform answered with status {status}")
    assert (answer.status, answer.document) == (status, None)


async def test_an_answer_is_read_up_to_a_bound(engines: Engines) -> None:
    body = json.dumps("x" * 2000).encode()
    async with serving(answering(http(body))) as port:
        assert len(await api_at(engines, port).get("/things", soon())) == 2000
        assert (await failed(api_at(engines, port, most=1000))).reason == "body_too_large"
    assert MOST_ANSWER < 16 * 1024 * 1024


async def test_a_platform_that_is_silent_half_or_gone_is_down(engines: Engines) -> None:
    peer = WebApi(first=[None])
    async with serving(peer.talk) as port:
        assert (await failed(api_at(engines, port), seconds=2)).reason == "timeout"
        with pytest.raises(Failed, match="timeout: the platform took too long"):
            await api_at(engines, port).get("/things", soon(-1))
    assert len(peer.asked) == 1
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")) as port:
        assert (await failed(api_at(engines, port))).reason == "reset"
    assert (await failed(api_at(engines, port))).reason == "refused"


async def test_no_secret_shows(engines: Engines, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    peer = WebApi({"POST /v1/login": {"token": SECRET}, "GET /v1/things": {"pin": SECRET}})
    async with serving(peer.talk) as port:
        api = api_at(engines, port, private=bearer(SECRET), sign_in=SignIn())
        answer = await api.ask(Question("/things", private=(("X-Key", SECRET),)), soon())
    question = Question("/login", form={"password": SECRET}, private=(("X-Key", SECRET),))
    assert answer.document == {"pin": SECRET}
    assert "canary-" not in f"{api!r} {answer!r} {question!r} {Grant(bearer(SECRET))!r} {api._request(question)!r}"
    assert "canary-" not in caplog.text


async def test_cookies_are_given_back(engines: Engines) -> None:
    set_cookies = (("Set-Cookie", "a=1; Path=/; Secure"), ("set-cookie", "b=x=y"), ("Set-Cookie", "a=2"))
    peer = WebApi({"GET /v1/things": Reply(1, headers=set_cookies), "GET /v1/none": 1})
    async with serving(peer.talk) as port:
        api = api_at(engines, port)
        assert cookies(await answer_of(api, "/things")) == (("Cookie", "a=2; b=x=y"),)
        assert cookies(await answer_of(api, "/none")) == ()


async def answer_of(api: Api, path: str) -> Answer:
    return await api.ask(Question(path), soon())


def test_a_password_of_any_letters_is_signed_with() -> None:
    assert basic("Aladdin", "open sesame") == (("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),)
    assert basic("a", "ä:ö") == (("Authorization", "Basic YTrDpDrDtg=="),)


def test_rows_are_the_objects_of_a_list() -> None:
    assert rows([{"a": 1}, 2, None, "x", []]) == ({"a": 1},)
    assert rows({"data": {"items": [{}]}}, "data", "items") == ({},)
    for document, path in (({"data": 1}, ["data"]), (None, []), ([1], ["data"]), ({}, ["data", "items"])):
        with pytest.raises(Failed, match=r"malformed: the answer does not follow the API: .* is no list"):
            rows(document, *path)
