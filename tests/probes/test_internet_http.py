"""internet.http against nginx and against servers that misbehave."""

import asyncio
import gzip
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from peers import http3, require
from peers.certificates import Authority, authority
from peers.ports import free_port
from peers.tcp import answering, http, serving
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes.internet.http import Http, HttpParams

__all__ = ["authority"]

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; events {{}}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; default_type text/plain;
  gzip on; gzip_min_length 0; gzip_types text/plain;
  server {{
    listen 127.0.0.1:{plain}; listen [::1]:{plain};
    listen 127.0.0.1:{tls} ssl http2; ssl_certificate {pem}; ssl_certificate_key {pem};
    ssl_protocols TLSv1.2 TLSv1.3;
    root {folder}/www;
    location = /old {{ return 301 https://127.0.0.1:{tls}/page.txt; }}
    location = /private {{ auth_basic "x"; auth_basic_user_file {folder}/users; alias {folder}/www/page.txt; }}
    location = /bearer {{ if ($http_authorization != "Bearer s3cret") {{ return 401; }} return 200 "in"; }}
    location = /key {{ if ($http_x_key != "s3cret") {{ return 403; }} return 200 "in"; }}
    location = /json {{ return 200 '{{"status": "ok", "rooms": [{{"free": true, "n": 4}}]}}'; }}
    location = /latin {{ default_type "text/plain; charset=iso-8859-1"; alias {folder}/www/latin; }}
  }}
}}
"""


@pytest.fixture
def nginx(tmp_path: Path, authority: Authority) -> Iterator[dict[str, Any]]:
    """A real nginx: its base URLs, without and with TLS, and the file of its issuer."""
    program = require.program("nginx")
    plain, tls, pem = free_port(), free_port(), authority.issue().file
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "page.txt").write_text("Welcome to the Blue room\n" * 100)
    (tmp_path / "www" / "latin").write_bytes("Café".encode("latin-1"))
    (tmp_path / "users").write_text("ada:{PLAIN}s3cret\n")
    for path in (tmp_path, tmp_path / "www", *(tmp_path / "www").iterdir(), tmp_path / "users"):
        path.chmod(0o755)
    (tmp_path / "conf").write_text(NGINX.format(folder=tmp_path, plain=plain, tls=tls, pem=pem))
    arguments = [program, "-e", str(tmp_path / "start.log"), "-c", str(tmp_path / "conf"), "-g", "user root;"]
    with subprocess.Popen(arguments) as process:
        try:
            wait_for(plain, process, tmp_path / "start.log")
            yield {
                "plain": f"http://127.0.0.1:{plain}",
                "tls": f"https://127.0.0.1:{tls}",
                "six": f"http://[::1]:{plain}",
                "ca": str(authority.file),
            }
        finally:
            process.terminate()


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    pytest.fail(f"nginx did not start: {log.read_text()}")


async def measure(engines: Engines, url: str, timeout: float = 60, **settings: Any) -> Measured:
    return await Http(HttpParams(url=url, **settings), engines).measure(timeout)


async def failure(engines: Engines, url: str, timeout: float = 60, **settings: Any) -> Failed:
    with pytest.raises(Failed) as raised:
        await measure(engines, url, timeout, **settings)
    assert raised.value.reason in {"timeout", *Http.reasons}
    return raised.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    declared = {metric.name: metric.parts for metric in Http.metrics}
    assert all(not declared[sample.metric] or sample.part in declared[sample.metric] for sample in samples)
    return {f"{sample.metric}/{sample.part}".removesuffix("/"): sample.value for sample in samples}


async def test_a_page_is_up_with_all_that_users_of_prometheus_know(engines: Engines, nginx: dict[str, Any]) -> None:
    measured = await measure(engines, f"{nginx['plain']}/page.txt", body_matches=["Blue room"])
    found = values(measured.samples)
    assert found["probe_http_status_code"] == 200
    assert found["probe_http_version"] == 1.1
    assert found["probe_http_uncompressed_body_length"] == 2500
    assert found["probe_http_ssl"] == 0
    assert found["probe_ip_protocol"] == 4
    assert found["probe_http_redirects"] == 0
    assert found["probe_failed_due_to_regex"] == 0
    assert found["probe_http_last_modified_timestamp_seconds"] > 1_600_000_000
    assert {f"probe_http_duration_seconds/{p}" for p in ("resolve", "connect", "tls", "processing", "transfer")} < set(
        found
    )
    assert "deskwatch_certificate_remaining_seconds/leaf" not in found
    assert re.match(r"status 200 in \d", measured.detail)


async def test_it_talks_ipv6(engines: Engines, nginx: dict[str, Any]) -> None:
    found = values((await measure(engines, f"{nginx['six']}/page.txt")).samples)
    assert found["probe_ip_protocol"] == 6


async def test_redirects_lead_to_tls_and_http_2(engines: Engines, nginx: dict[str, Any]) -> None:
    measured = await measure(engines, f"{nginx['plain']}/old", ca_file=nginx["ca"], fail_if_not_ssl=True)
    found = values(measured.samples)
    assert (found["probe_http_redirects"], found["probe_http_ssl"], found["probe_http_version"]) == (1, 1, 2)
    assert found["probe_tls_version_info/TLS 1.3"] == 1
    assert 89 * 86400 < found["deskwatch_certificate_remaining_seconds/leaf"] < 90 * 86400
    assert found["probe_http_duration_seconds/tls"] > 0


@pytest.mark.parametrize("version", ["1.1", "2"])
async def test_the_http_version_can_be_chosen(engines: Engines, nginx: dict[str, Any], version: str) -> None:
    measured = await measure(engines, f"{nginx['tls']}/page.txt", ca_file=nginx["ca"], http_version=version)
    assert values(measured.samples)["probe_http_version"] == float(version)


async def test_a_server_without_http_2_fails_who_asks_for_it(engines: Engines, authority: Authority) -> None:
    async with serving(answering(http()), tls=authority.issue().context()) as port:
        url = f"https://127.0.0.1:{port}/"
        failed = await failure(engines, url, http_version="2", ca_file=str(authority.file))
    assert (failed.reason, failed.detail) == ("wrong_version", "the server speaks HTTP/1.1, not HTTP/2")


async def test_http_3_is_up_with_phases_and_certificate(engines: Engines, authority: Authority) -> None:
    answer = http3.Answer(((b":status", b"200"), (b"x-room", b"Blue")), (b"Welcome ", b"to the Blue room"))
    issued = authority.issue()
    async with http3.serving(issued, answer) as port:
        settings = {"http_version": "3", "ca_file": str(authority.file), "header_matches": {"X-Room": "^Blue$"}}
        measured = await measure(engines, f"https://127.0.0.1:{port}/", body_matches=["to the Blue"], **settings)
    found = values(measured.samples)
    assert (found["probe_http_version"], found["probe_http_ssl"], found["probe_http_status_code"]) == (3, 1, 200)
    assert found["probe_http_uncompressed_body_length"] == 24
    assert found["probe_tls_version_info/TLS 1.3"] == 1
    assert all(found[f"probe_http_duration_seconds/{phase}"] > 0 for phase in ("connect", "tls", "processing"))
    assert found["probe_ssl_earliest_cert_expiry"] == issued.certificate.not_valid_after_utc.timestamp()
    assert "over HTTP/3" in measured.detail


async def test_a_server_without_http_3_fails_who_asks_for_it(engines: Engines, authority: Authority) -> None:
    """It answers over TCP, and nothing listens for QUIC: a silent fallback would be up."""
    async with serving(answering(http()), tls=authority.issue().context()) as port:
        url, settings = f"https://127.0.0.1:{port}/", {"ca_file": str(authority.file)}
        failed = await failure(engines, url, http_version="3", **settings)
        await measure(engines, url, **settings)
    assert (failed.reason, failed.detail) == ("refused", "127.0.0.1 refused the connection")


@pytest.mark.parametrize(
    ("answer", "detail", "phase"),
    [
        (None, "no answer to the connection attempt", "connect"),
        (http3.SILENCE, "connected, but no answer came", "processing"),
        (http3.Answer(chunks=(b"half",), ends=False), "the answer did not end; 4 bytes of the body", "transfer"),
    ],
    ids=["no handshake", "no answer", "no end"],
)
async def test_a_stalled_http_3_server_ends_at_the_timeout(
    engines: Engines, authority: Authority, answer: http3.Answer | None, detail: str, phase: str
) -> None:
    async with AsyncExitStack() as stack:
        if answer is None:
            silent = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            silent.bind(("127.0.0.1", 0))
            port = silent.getsockname()[1]
        else:
            port = await stack.enter_async_context(http3.serving(authority.issue(), answer))
        failed = await failure(engines, f"https://127.0.0.1:{port}/", 3, http_version="3", ca_file=str(authority.file))
    found = values(failed.samples)
    assert failed.reason == "timeout"
    assert detail in failed.detail
    phases = ("resolve", "connect", "tls", "processing", "transfer")
    reached = [name for name in phases if found[f"probe_http_duration_seconds/{name}"] > 0]
    assert reached[-1] == phase


async def test_a_redirect_can_be_what_is_expected(engines: Engines, nginx: dict[str, Any]) -> None:
    settings = {"follow_redirects": False, "statuses": [301], "header_matches": {"Location": "^https://"}}
    assert values((await measure(engines, f"{nginx['plain']}/old", **settings)).samples)["probe_http_redirects"] == 0


@pytest.mark.parametrize(
    ("path", "settings"),
    [
        ("/private", {"username": "ada", "password": "${env:KEY}"}),
        ("/bearer", {"bearer": "${env:KEY}"}),
        ("/key", {"secret_headers": {"X-Key": "${env:KEY}"}}),
    ],
)
async def test_it_signs_in(
    engines: Engines, nginx: dict[str, Any], monkeypatch: pytest.MonkeyPatch, path: str, settings: dict[str, Any]
) -> None:
    monkeypatch.setenv("KEY", "s3cret")
    await measure(engines, nginx["plain"] + path, **settings)
    monkeypatch.setenv("KEY", "wrong")
    failed = await failure(engines, nginx["plain"] + path, **settings)
    assert failed.reason == "wrong_status"
    assert "wrong" not in failed.detail
    assert "wrong" not in repr(HttpParams(url=nginx["plain"], **settings))


async def test_json_is_held_against_expected_values(engines: Engines, nginx: dict[str, Any]) -> None:
    expected = {"$.status": "ok", "$.rooms[*].free": True, "$.rooms[0].n": 4, "$..n": "[0-9]"}
    await measure(engines, f"{nginx['plain']}/json", json_matches=expected, json_not_matches={"$.rooms[0].n": 0})


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        ({"json_matches": {"$.status": "o"}}, "$['status'] is '\"ok\"', expected 'o'"),
        ({"json_matches": {"$.rooms[0].n": True}}, "$['rooms'][0]['n'] is '4', expected True"),
        ({"json_matches": {"$.none": None}}, "$['none'] is nothing, expected None"),
        ({"json_not_matches": {"$..free": True}}, "$..['free'] is 'true', expected not True"),
    ],
)
async def test_other_json_is_down(
    engines: Engines, nginx: dict[str, Any], settings: dict[str, Any], detail: str
) -> None:
    failed = await failure(engines, f"{nginx['plain']}/json", **settings)
    assert (failed.reason, failed.detail) == ("unexpected_json", detail)
    assert values(failed.samples)["probe_failed_due_to_regex"] == 1


@pytest.mark.parametrize("body", [b"<html>", b"[" * 500_000, b"\xff\xff"])
async def test_what_is_no_json_is_down(engines: Engines, body: bytes) -> None:
    async with serving(answering(http(body))) as port:
        failed = await failure(engines, f"http://127.0.0.1:{port}/", json_matches={"$.a": 1})
    assert failed.reason == "unexpected_json"
    assert len(failed.detail) < 300


async def test_the_character_set_of_the_answer_counts(engines: Engines, nginx: dict[str, Any]) -> None:
    await measure(engines, f"{nginx['plain']}/latin", body_matches=["^Café$"])


async def test_an_unknown_character_set_is_read_as_utf_8(engines: Engines) -> None:
    async with serving(answering(http("Café".encode(), headers="Content-Type: a/b; charset=nope\r\n"))) as port:
        await measure(engines, f"http://127.0.0.1:{port}/", body_matches=["^Café$"])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"body_matches": ["Red room"]}, "unexpected_body"),
        ({"body_not_matches": ["Blue", "Red"]}, "unexpected_body"),
        ({"header_matches": {"server": "apache"}}, "unexpected_header"),
        ({"header_matches": {"x-none": ""}}, "unexpected_header"),
        ({"statuses": ["300-399", 404]}, "wrong_status"),
        ({"fail_if_not_ssl": True}, "not_encrypted"),
        ({"max_body": 100}, "body_too_large"),
    ],
)
async def test_an_answer_other_than_expected_is_down(
    engines: Engines, nginx: dict[str, Any], settings: dict[str, Any], reason: str
) -> None:
    assert (await failure(engines, f"{nginx['plain']}/page.txt", **settings)).reason == reason


async def test_tls_can_be_what_must_not_be(engines: Engines, nginx: dict[str, Any]) -> None:
    assert (await failure(engines, nginx["tls"], tls_verify=False, fail_if_ssl=True)).reason == "encrypted"


@pytest.mark.parametrize("version", ["", "3"])
@pytest.mark.parametrize(
    ("issued", "trusted", "reason", "words"),
    [
        (
            {"ends": -timedelta(days=1), "begins": -timedelta(days=30)},
            True,
            "certificate_expired",
            "certificate has expired",
        ),
        ({"begins": timedelta(days=1)}, True, "certificate_expired", "certificate is not yet valid"),
        ({"names": ["elsewhere.test"]}, True, "certificate_wrong_name", "no alternative certificate subject name"),
        ({}, False, "certificate_untrusted", "self-signed certificate in certificate chain"),
    ],
)
async def test_a_bad_certificate_is_down_and_still_measured(
    engines: Engines,
    authority: Authority,
    issued: dict[str, Any],
    trusted: bool,
    reason: str,
    words: str,
    version: str,
) -> None:
    certificate = authority.issue(**issued)
    ca_file = str(authority.file) if trusted else ""
    tls = certificate.context()
    async with http3.serving(certificate, http3.Answer()) if version else serving(answering(http()), tls=tls) as port:
        url = f"https://127.0.0.1:{port}/"
        failed = await failure(engines, url, ca_file=ca_file, http_version=version)
        unverified = await measure(engines, url, tls_verify=False, http_version=version)
    expires = certificate.certificate.not_valid_after_utc.timestamp()
    assert failed.reason == reason
    assert words in failed.detail
    assert values(failed.samples)["probe_ssl_earliest_cert_expiry"] == expires
    assert values(unverified.samples)["probe_ssl_earliest_cert_expiry"] == expires


async def test_no_answer_is_a_timeout_with_the_phases_so_far(engines: Engines) -> None:
    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(talk) as port:
        failed = await failure(engines, f"http://127.0.0.1:{port}/", 2)
    assert failed.reason == "timeout"
    assert values(failed.samples)["probe_http_duration_seconds/connect"] > 0


async def test_a_closed_port_is_refused(engines: Engines) -> None:
    assert (await failure(engines, f"http://127.0.0.1:{free_port()}/")).reason == "refused"


async def test_a_redirect_loop_is_down(engines: Engines) -> None:
    async with serving(answering(http(status="302 Found", headers="Location: /\r\n"))) as port:
        failed = await failure(engines, f"http://127.0.0.1:{port}/", max_redirects=2)
    assert failed.reason == "too_many_redirects"
    assert values(failed.samples)["probe_http_redirects"] == 2


async def test_a_gzip_bomb_is_down(engines: Engines) -> None:
    bomb = http(gzip.compress(bytes(20_000_000)), headers="Content-Encoding: gzip\r\n")
    async with serving(answering(bomb)) as port:
        assert (await failure(engines, f"http://127.0.0.1:{port}/")).reason == "body_too_large"


async def test_a_pattern_that_runs_away_is_our_own_failure(engines: Engines) -> None:
    async with serving(answering(http(b"a" * 40))) as port:
        with pytest.raises(Unmeasured) as raised:
            await measure(engines, f"http://127.0.0.1:{port}/", body_matches=["(a+)+b"])
    assert raised.value.reason == "overloaded"


async def test_an_interface_we_lack_is_our_own_failure(engines: Engines) -> None:
    with pytest.raises(Unmeasured) as raised:
        await measure(engines, "http://127.0.0.1:1/", interface="none0")
    assert raised.value.reason == "no_network"


async def test_another_address_is_asked_under_the_same_name(engines: Engines, nginx: dict[str, Any]) -> None:
    url = nginx["plain"].replace("127.0.0.1", "booking.test") + "/page.txt"
    await measure(engines, url, resolve="127.0.0.1")


async def test_a_cancelled_run_leaves_nothing_behind(engines: Engines) -> None:
    connected = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()

    async with serving(talk) as port, asyncio.timeout(60):
        task = asyncio.create_task(measure(engines, f"http://127.0.0.1:{port}/"))
        await connected.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "ftp://a.test/"}, "begins with http:// or https://"),
        ({"url": "http://"}, "begins with http:// or https://"),
        ({"url": "http://ada:pw@a.test/"}, "use username and password"),
        ({"url": "http://bücher.test/"}, "as browsers send it"),
        ({"url": "http://a.test/a b"}, "as browsers send it"),
        ({"url": "http://a.test:99999/"}, "Port out of range"),
        ({"body_matches": ["("]}, "'(' is not a regular expression: missing )"),
        ({"json_matches": {"$.a[": 1}}, "'$.a[' is not a JSONPath"),
        ({"json_matches": {"$.a": "("}}, "'(' is not a regular expression"),
        ({"statuses": [99]}, "99 is no HTTP status; write 204 or a range as in 200-299"),
        ({"statuses": ["2xx"]}, "'2xx' is no HTTP status"),
        ({"headers": {"X": "a\r\nY: b"}}, "should match pattern"),
        ({"headers": {"X Y": "a"}}, "should match pattern"),
        ({"secret_headers": {"X": "${env:BROKEN}"}}, "line break"),
        ({"bearer": "${env:BROKEN}"}, "line break"),
        ({"bearer": "hunter2"}, "secrets do not belong in the file"),
        ({"username": "ada"}, "needs both username and password"),
        ({"username": "ada", "password": "${env:KEY}", "bearer": "${env:KEY}"}, "use one"),
        ({"fail_if_ssl": True, "fail_if_not_ssl": True}, "use one"),
        ({"http_version": "3"}, "HTTP/3 needs an https URL"),
    ],
)
def test_a_wrong_setting_is_explained(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], message: str) -> None:
    monkeypatch.setenv("KEY", "s3cret")
    monkeypatch.setenv("BROKEN", "one\ntwo")
    with pytest.raises(ValidationError) as raised:
        HttpParams.model_validate({"url": "http://a.test/", **settings})
    assert message in str(raised.value)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(("target", "url"), [("a.test", "http://a.test"), ("https://a.test/b", "https://a.test/b")])
def test_a_bare_target_is_a_url(target: str, url: str) -> None:
    assert HttpParams.model_validate(HttpParams.of_target(target)).target == url
