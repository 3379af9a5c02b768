"""wifi.captive_portal against nginx with TLS, and against portals that are broken, lie or are not there."""

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers import require
from peers.canaries import canary
from peers.certificates import Authority, Issued
from peers.ports import free_port
from peers.tcp import Talk, answering, http, serving
from pydantic import ValidationError

from probes import Failed, Measured, Unmeasured
from probes._engines import Engines
from probes._engines.http.exchange import Hop, Phases, Response
from probes.wifi.captive_portal import CaptivePortal, CaptivePortalParams, led, redirected, through, told

HERE = "127.0.0.1"
CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; events {{}}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{plain};
    location = /generate_204 {{ return 204; }}
    location = /newcomer {{ return 302 https://127.0.0.1:{tls}/login?mac=02-00&token={token}; }}
    location = /relative {{ return 307 login; }}
    location = /login {{ return 200 "Welcome"; }}
    location = /broken {{ return 303 https://127.0.0.1:{tls}/broken; }}
    location = /round {{ return 302 http://127.0.0.1:{plain}/round; }}
    location = /page {{ return 200 "Sign in here"; }}
    location = /error {{ return 500; }}
  }}
  server {{
    listen 127.0.0.1:{tls} ssl; ssl_certificate {pem}; ssl_certificate_key {pem};
    default_type application/captive+json;
    location = /login {{ return 200 "Welcome"; }}
    location = /broken {{ return 503; }}
    location = /captive {{ return 200 '{{"captive": true, "user-portal-url": "https://portal/?{token}"}}'; }}
    location = /through {{ return 200 '{{"captive": false, "seconds-remaining": 5400}}'; }}
    location = /old {{ default_type application/json; return 200 '{{"captive": true}}'; }}
  }}
}}
"""


class Portal(NamedTuple):
    """A portal: its addresses without and with TLS, and the file of its issuer."""

    plain: str
    tls: str
    ca: str


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Portal]:
    folder, plain, tls = tmp_path_factory.mktemp("portal"), free_port(), free_port()
    pem = authority.issue(ends=timedelta(days=30)).file
    config = CONFIG.format(folder=folder, plain=plain, tls=tls, pem=pem, token=canary("token"))
    (folder / "conf").write_text(config)
    command = [require.program("nginx"), "-e", f"{folder}/start.log", "-c", f"{folder}/conf", "-g", "user root;"]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(plain, process, folder / "start.log")
            yield Portal(f"http://{HERE}:{plain}", f"https://{HERE}:{tls}", str(authority.file))
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((HERE, port), 1):
            return
        time.sleep(0.01)
    pytest.fail(log.read_text())


async def measure(engines: Engines, url: str, timeout: float = 60, **settings: Any) -> Measured:
    said = {"url": url, "expect": "portal", "portal": HERE, **settings}
    found = await CaptivePortal(CaptivePortalParams.model_validate(said), engines).measure(timeout)
    assert "canary-" not in str(found)
    return found


async def down(engines: Engines, url: str, timeout: float = 60, **settings: Any) -> Failed:
    with pytest.raises(Failed) as failed:
        await measure(engines, url, timeout, **settings)
    assert failed.value.reason in {*CaptivePortal.reasons, "timeout"}
    assert "canary-" not in str(failed.value)
    assert failed.value.detail.isprintable()
    return failed.value


def values(found: Measured | Failed) -> dict[str, float]:
    assert {sample.metric for sample in found.samples} <= {metric.name for metric in CaptivePortal.metrics}
    measured = [f"{sample.metric}/{sample.part}".rstrip("/") for sample in found.samples]
    assert len(set(measured)) == len(measured)
    return {
        name.removeprefix("deskwatch_").removeprefix("captive_portal_"): sample.value
        for name, sample in zip(measured, found.samples, strict=True)
    }


async def test_a_newcomer_who_is_sent_to_a_good_portal_is_up(engines: Engines, portal: Portal) -> None:
    found = await measure(engines, f"{portal.plain}/newcomer", ca_file=portal.ca, api=f"{portal.tls}/captive")
    assert found.detail.startswith("newcomers are sent to '127.0.0.1', whose page works, certificate valid until 2")
    measured = values(found)
    assert all(measured[f"seconds/{step}"] > 0 for step in ("check", "page", "api"))
    assert 29.9 * 86400 < measured["certificate_remaining_seconds/leaf"] < 30 * 86400


async def test_who_is_through_is_up(engines: Engines, portal: Portal) -> None:
    api = {"api": f"{portal.tls}/through", "ca_file": portal.ca}
    found = await measure(engines, f"{portal.plain}/generate_204", expect="open", **api)
    assert found.detail == "this machine gets through"
    assert values(found)["session_remaining_seconds"] == 5400
    assert "certificate_remaining_seconds/leaf" in values(found)


async def test_a_portal_without_encryption_is_up_and_told(engines: Engines, portal: Portal) -> None:
    found = await measure(engines, f"{portal.plain}/relative")
    assert found.detail == "newcomers are sent to '127.0.0.1', whose page works, without encryption"


@pytest.mark.parametrize(
    ("path", "settings", "reason", "words"),
    [
        ("newcomer", {"expect": "open"}, "captive", "sends this machine to '127.0.0.1' to sign in, though it should"),
        ("page", {"expect": "open"}, "captive", "somebody else answers for the page, with status 200"),
        ("error", {"expect": "open"}, "wrong_status", "answers with status 500 instead of 204"),
        ("generate_204", {}, "open", "gets through without the portal: nobody has to sign in"),
        ("page", {}, "not_redirected", "an answer with status 200, which leads to no portal"),
        ("newcomer", {"portal": "portal.example"}, "wrong_portal", "sent to '127.0.0.1', not to portal.example"),
        ("broken", {}, "portal_failed", "the portal answers with status 503, so nobody can sign in"),
        ("round", {}, "too_many_redirects", "the portal's page: still redirected after 10 redirects"),
        ("newcomer", {"ca_file": ""}, "certificate_untrusted", "the portal's page: "),
        ("newcomer", {"api": "/through"}, "api_disagrees", "says that this machine is through, and the network"),
        ("generate_204", {"api": "/captive", "expect": "open"}, "api_disagrees", "says that this machine has to sign"),
        ("newcomer", {"api": "/old"}, "api_failed", "the portal's API does not answer with status 200 and"),
        ("newcomer", {"api": "/nosuch"}, "api_failed", "the portal's API does not answer with status 200 and"),
        ("newcomer", {"api": "/login"}, "api_failed", "the portal's API does not answer with status 200 and"),
    ],
)
async def test_what_members_would_trip_over_is_down(
    engines: Engines, portal: Portal, path: str, settings: dict[str, Any], reason: str, words: str
) -> None:
    given = {"ca_file": portal.ca, **settings}
    if "api" in given:
        given["api"] = f"{portal.tls}{given['api']}"
    failed = await down(engines, f"{portal.plain}/{path}", **given)
    assert (failed.reason, words in failed.detail) == (reason, True)
    assert values(failed)["seconds/check"] > 0


CERTIFICATES: dict[str, Callable[[Authority], Issued]] = {
    "certificate_expired": lambda authority: authority.issue(begins=timedelta(days=-9), ends=timedelta(days=-2)),
    "certificate_wrong_name": lambda authority: authority.issue(names=("another.example",)),
}


@pytest.mark.parametrize("reason", CERTIFICATES)
async def test_a_portal_whose_certificate_is_bad_is_down(engines: Engines, authority: Authority, reason: str) -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(talk, tls=CERTIFICATES[reason](authority).context()) as tls, sending_to(tls, "https") as url:
        failed = await down(engines, url, ca_file=str(authority.file))
    assert failed.reason == reason
    assert values(failed)["seconds/check"] > 0


def sending_to(port: int, scheme: str = "http") -> Any:
    """Sends whoever asks to that port; yields its URL."""
    return at_url(answering(http(status="302 Found", headers=f"Location: {scheme}://{HERE}:{port}/login\r\n")))


class at_url:  # noqa: N801 - read as a function
    """Serves so, and yields the URL instead of the port."""

    def __init__(self, talk: Talk) -> None:
        self._serving = serving(talk)

    async def __aenter__(self) -> str:
        return f"http://{HERE}:{await self._serving.__aenter__()}/generate_204"

    async def __aexit__(self, *error: Any) -> None:
        await self._serving.__aexit__(*error)


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"), "reset"),
        (answering(b"SSH-2.0-dropbear\r\n"), "malformed"),
        (answering(http(b" " * 1_100_000)), "body_too_large"),
        (silent, "timeout"),
    ],
    ids=["cut", "no HTTP", "large", "silent"],
)
async def test_a_portal_that_answers_strangely_is_down(engines: Engines, talk: Talk, reason: str) -> None:
    async with serving(talk) as port, sending_to(port) as url:
        failed = await down(engines, url, 3)
    assert failed.reason == reason
    assert failed.detail.startswith("the portal's page: ")


async def test_a_portal_that_is_not_there_is_down(engines: Engines) -> None:
    async with sending_to(free_port()) as url:
        assert (await down(engines, url)).reason == "refused"
    async with serving(silent) as port, sending_to(port, "https") as url:
        assert (await down(engines, url, 0.5)).reason == "timeout"
    failed = await down(engines, f"http://{'x' * 64}.example/generate_204", expect="open")
    assert (failed.reason, "the request for a page: " in failed.detail) == ("unresolved", True)


async def test_a_portal_that_fails_its_handshake_is_down(engines: Engines) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        writer.write(bytes((21, 3, 3, 0, 2, 2, 40)))  # the alert "handshake failure"
        await writer.drain()

    async with serving(talk) as port, sending_to(port, "https") as url:
        assert (await down(engines, url)).reason == "tls_failed"


async def test_an_interface_that_this_machine_lacks_says_nothing_about_the_portal(engines: Engines) -> None:
    with pytest.raises(Unmeasured, match="cannot send from interface nosuch0"):
        await measure(engines, f"http://{HERE}:9/", interface="nosuch0")


def response(status: int, head: str = "", body: bytes = b"") -> Response:
    hop = Hop("http://check.example/generate_204", Phases())
    return Response(status, "1.1", f"HTTP/1.1 {status} X\r\n{head}\r\n".encode("latin-1", "replace"), -1, body, (hop,))


@pytest.mark.parametrize("location", ["http://[x", "javascript:alert(1)", "mailto:x@y", "ftp://h/"])
def test_a_location_that_is_no_web_page_leads_nowhere(location: str) -> None:
    assert redirected(response(302, f"Location: {location}\r\n"), "http://check.example/") == ""
    assert (led(response(302), "", "portal") or ("",))[0] == "not_redirected"


@given(st.integers(100, 599), st.text(max_size=60), st.binary(max_size=60))
def test_any_answer_is_judged(status: int, location: str, body: bytes) -> None:
    answer = response(status, f"Location: {location}\r\nContent-Type: application/captive+json\r\n", body)
    for objection in (through(answer), led(answer, redirected(answer, answer.final.url), "portal")):
        assert objection is None or (objection[0] in CaptivePortal.reasons and objection[1].isprintable())
    told(answer)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists, max_leaves=5))
def test_any_document_of_an_api_is_read_or_refused(value: Any) -> None:
    kind = "Content-Type: application/captive+json\r\n"
    for document in (value, {"captive": value}, {"captive": True, "seconds-remaining": value}):
        found = told(response(200, kind, json.dumps(document).encode()))
        assert found is None or isinstance(found["captive"], bool)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"expect": "portal"},
        {"expect": "open", "url": "https://check.example/"},
        {"expect": "open", "url": "http:///x"},
        {"expect": "open", "api": "http://portal.example/api"},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CaptivePortalParams.model_validate(settings)
