"""/probe in the place of blackbox_exporter: asked for the same targets, both differ only where the docs say so."""

import asyncio
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from aiohttp.test_utils import TestClient, TestServer
from peers import netns, require
from peers.certificates import DAY, Authority, authority
from peers.dnsmasq import HERE, serving_names
from peers.ports import free_port
from prometheus_client.parser import text_string_to_metric_families as parse

from monitor.config import load
from monitor.web.app import build
from monitor.web.auth import Gate
from monitor.web.machine import SCRAPE_TIMEOUT

__all__ = ["authority"]

DOCS = Path(__file__).parents[3] / "docs" / "operations" / "metrics.md"

THEIRS = """\
modules:
  http_2xx: {prober: http, http: &http {preferred_ip_protocol: ip4, tls_config: {ca_file: AUTHORITY}}}
  http_post_2xx: {prober: http, http: {<<: *http, method: POST}}
  http_here: {prober: http, http: {<<: *http, follow_redirects: false, valid_status_codes: [200, 302]}}
  http_welcome: {prober: http, http: {<<: *http, fail_if_body_not_matches_regexp: [Welcome]}}
  http_no_tls: {prober: http, http: {<<: *http, fail_if_ssl: true}}
  tcp_connect: {prober: tcp, tcp: {preferred_ip_protocol: ip4}}
  ssh_banner: {prober: tcp, tcp: {preferred_ip_protocol: ip4, query_response: [{expect: "^SSH-2.0-"}]}}
  dns_door: {prober: dns, dns: &dns {query_name: door.example, query_type: A, preferred_ip_protocol: ip4}}
  dns_nowhere: {prober: dns, dns: {<<: *dns, query_name: nowhere.example}}
  dns_mx: {prober: dns, dns: {<<: *dns, query_type: MX}}
  dns_tcp: {prober: dns, dns: {<<: *dns, transport_protocol: tcp}}
  icmp: {prober: icmp, icmp: {preferred_ip_protocol: ip4}}
"""
OURS = """\
site: {id: hub, timezone: UTC}
modules:
  http_2xx: {kind: internet.http, ca_file: AUTHORITY}
  http_post_2xx: {kind: internet.http, ca_file: AUTHORITY, method: POST}
  http_here: {kind: internet.http, ca_file: AUTHORITY, follow_redirects: false, statuses: [200, 302]}
  http_welcome: {kind: internet.http, ca_file: AUTHORITY, body_matches: [Welcome]}
  http_no_tls: {kind: internet.http, ca_file: AUTHORITY, fail_if_ssl: true}
  tcp_connect: {kind: internet.tcp}
  ssh_banner: {kind: internet.tcp, steps: [{expect: "^SSH-2.0-"}]}
  dns_door: {kind: internet.dns, query_name: door.example, min_answers: 0}
  dns_nowhere: {kind: internet.dns, query_name: nowhere.example, min_answers: 0}
  dns_mx: {kind: internet.dns, query_name: door.example, query_type: MX, min_answers: 0}
  dns_tcp: {kind: internet.dns, query_name: door.example, transport: tcp, min_answers: 0}
  icmp: {kind: internet.ping, count: 3, gap: 0.05}
"""

SECONDS = "20"
"""How long Prometheus says that it waits: what never answers costs a test so much, less half a second."""


class Answer(NamedTuple):
    """What a probe said: the status, and its series by family and labels."""

    status: int
    series: Mapping[str, Mapping[frozenset[tuple[str, str]], float]]

    def value(self, family: str) -> float | None:
        return self.series.get(family, {}).get(frozenset())

    def parts(self, family: str) -> dict[str, float]:
        """A family's values by the value of its label."""
        return {dict(labels)["phase"]: value for labels, value in self.series.get(family, {}).items()}


class Pair(NamedTuple):
    theirs: Answer
    ours: Answer


NO_TLS = {
    "a certificate that is expired",
    "a certificate that is of another host",
    "a certificate that is untrusted",
    "plain text where TLS should be",
}

DIFFERENT = {
    "probe_success": {"truncated, and nothing by TCP"},
    "probe_dns_query_succeeded": {"truncated, and nothing by TCP"},
    "probe_http_ssl": NO_TLS,
    "probe_http_redirects": {"a page that is round", "a redirect not followed"},
    "probe_http_version": {"a page that is round", "a page that is short"},
    "probe_http_content_length": {"a page that is short"},
    "probe_http_uncompressed_body_length": {"a page that is short"},
    "probe_ip_protocol": {"a page that is lost", "nobody at the port"},
    "probe_failed_due_to_regex": {"another banner"},
}
"""The targets of which the two say different things, by family. The docs say why."""

LACKING = {
    "http": {
        "probe_ip_addr_hash",
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        "probe_ssl_last_chain_info",
    },
    "tcp": {"probe_ip_addr_hash"},
    "ssh": {"probe_ip_addr_hash"},
    "dns": {"probe_ip_addr_hash"},
}
"""Families of theirs that we do not have, by what was asked."""

MORE = {
    "http": {"probe_timeout_seconds", "deskwatch_certificate_remaining_seconds"},
    "tcp": {"probe_timeout_seconds", "probe_tcp_duration_seconds"},
    "ssh": {"probe_timeout_seconds", "probe_tcp_duration_seconds"},
    "dns": {"probe_timeout_seconds"},
}
"""Families of ours that they do not have."""


@contextmanager
def blackbox(folder: Path, authority: object, start: Callable[..., subprocess.Popen[bytes]]) -> Iterator[int]:
    """The Debian blackbox_exporter on loopback; yields its port. Ours gets the same modules in site.yaml."""
    port, config = free_port(), folder / "blackbox.yml"
    config.write_text(THEIRS.replace("AUTHORITY", str(authority)))
    (folder / "site.yaml").write_text(OURS.replace("AUTHORITY", str(authority)))
    program = require.program("prometheus-blackbox-exporter")
    process = start(program, f"--config.file={config}", f"--web.listen-address={HERE}:{port}", "--log.level=error")
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


async def answer(session: Any, url: str, module: str, target: str) -> Answer:
    query, header = {"module": module, "target": target}, {SCRAPE_TIMEOUT: SECONDS}
    async with session.get(url, params=query, headers=header) as found:
        text = await found.text()
    series: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in parse(text) if found.status == 200 else ():
        for one in family.samples:
            series.setdefault(one.name, {})[frozenset(one.labels.items())] = one.value
    return Answer(found.status, series)


async def compared(space: Any, port: int, folder: Path, targets: Mapping[str, tuple[str, str]]) -> dict[str, Pair]:
    """What both say of all targets, asked at the same time."""
    space.config = replace(space.config, modules=load(folder / "site.yaml").modules)
    async with aiohttp.ClientSession() as session, TestClient(TestServer(build(space, Gate()))) as client:
        await served(session, port)
        base = f"http://{HERE}:{port}/probe"

        async def both(module: str, target: str) -> Pair:
            theirs, ours = answer(session, base, module, target), answer(client, "/probe", module, target)
            return Pair(*await asyncio.gather(theirs, ours))

        found = await asyncio.gather(*(both(*asked) for asked in targets.values()))
    return dict(zip(targets, found, strict=True))


async def served(session: aiohttp.ClientSession, port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            async with session.get(f"http://{HERE}:{port}/-/healthy"):
                return
        except aiohttp.ClientError:
            assert time.monotonic() < deadline, "blackbox_exporter did not begin to serve"
            await asyncio.sleep(0.02)


PAGES = {
    "/": b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nLast-Modified: Mon, 02 Mar 2026 09:00:00 GMT\r\n\r\nWelcome",
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nWelcome\r\n0\r\n\r\n",
    "/nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/other": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nHelo",
    "/missing": b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone",
    "/broken": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops",
    "/moved": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "/far": b"HTTP/1.1 301 Moved Permanently\r\nLocation: /moved\r\nContent-Length: 0\r\n\r\n",
    "/round": b"HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n",
    "/lost": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\nWelcome",
    "/rubbish": b"220 mail.example ESMTP\r\n",
    "/closed": b"",
}
"""What a server that is no good as well as a good one answers; /silent never does."""


async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request and close."""
    try:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        if path == "/slow":
            await asyncio.sleep(0.3)
        if path == "/silent":
            await reader.read()
        writer.write(PAGES[path if path in PAGES else "/"])
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def says(
    words: bytes, stays: bool
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
    """A peer that says something to whoever connects, and then waits or closes."""

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        if stays:
            await reader.read()
        writer.close()

    return treat


class Names(asyncio.DatagramProtocol):
    """A name server that answers as its word says, and nothing by TCP."""

    def __init__(self, how: str) -> None:
        self._how = how

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        answer = dns.message.make_response(dns.message.from_wire(data))
        if self._how == "servfail":
            answer.set_rcode(dns.rcode.SERVFAIL)
        if self._how == "truncated":
            answer.flags |= dns.flags.TC
        if self._how == "stranger":
            answer.id ^= 1
        if self._how != "silent":
            self._transport.sendto(answer.to_wire(), address)


@asynccontextmanager
async def tcp(treat: Any, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve so on loopback; yields host:port."""
    server = await asyncio.start_server(treat, HERE, 0, ssl=tls)
    try:
        yield f"{HERE}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def names(how: str) -> AsyncIterator[str]:
    """A strange name server on loopback; yields host:port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Names(how), local_addr=(HERE, 0))
    try:
        yield f"{HERE}:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


@asynccontextmanager
async def targets(authority: Authority, dnsmasq: int) -> AsyncIterator[dict[str, tuple[str, str]]]:
    """Everything that is asked: a module and a target by what is special about it."""
    stranger = Authority(authority.file.parent, "Stranger")
    issued = {
        "good": authority.issue(),
        "expired": authority.issue(begins=-9 * DAY, ends=-DAY),
        "of another host": authority.issue(("elsewhere.example",)),
        "untrusted": stranger.issue(),
    }
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(tcp(page))
        https = {name: await stack.enter_async_context(tcp(page, one.context())) for name, one in issued.items()}
        spoken = {name: await stack.enter_async_context(tcp(says(*words))) for name, words in PEERS.items()}
        strange = {
            how: await stack.enter_async_context(names(how)) for how in ("servfail", "truncated", "stranger", "silent")
        }
        closed, known = f"{HERE}:{free_port()}", f"{HERE}:{dnsmasq}"
        yield {
            **{
                f"a page that is {path[1:] or 'good'}": ("http_2xx", f"http://{web}{path}")
                for path in (*PAGES, "/slow", "/silent")
            },
            "no scheme": ("http_2xx", web),
            "nobody at the port": ("http_2xx", f"http://{closed}/"),
            "a form": ("http_post_2xx", f"http://{web}/"),
            "a redirect not followed": ("http_here", f"http://{web}/moved"),
            "the right words": ("http_welcome", f"http://{web}/"),
            "the wrong words": ("http_welcome", f"http://{web}/other"),
            "no words": ("http_welcome", f"http://{web}/nothing"),
            **{f"a certificate that is {name}": ("http_2xx", f"https://{at}/") for name, at in https.items()},
            "plain text where TLS should be": ("http_2xx", f"https://{web}/"),
            "TLS where none may be": ("http_no_tls", f"https://{https['good']}/"),
            "a port that is open": ("tcp_connect", spoken["silent"]),
            "a port that is closed": ("tcp_connect", closed),
            "a banner": ("ssh_banner", spoken["ssh"]),
            "another banner": ("ssh_banner", spoken["smtp"]),
            "no banner": ("ssh_banner", spoken["silent"]),
            "a banner cut off": ("ssh_banner", spoken["closes"]),
            "a name": ("dns_door", known),
            "a name by TCP": ("dns_tcp", known),
            "a name that does not exist": ("dns_nowhere", known),
            "a name without such a record": ("dns_mx", known),
            "a server that fails": ("dns_door", strange["servfail"]),
            "truncated, and nothing by TCP": ("dns_door", strange["truncated"]),
            "an answer to somebody else": ("dns_door", strange["stranger"]),
            "a server that is silent": ("dns_door", strange["silent"]),
            "no name server": ("dns_door", closed),
        }


PEERS = {
    "silent": (b"", True),
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", True),
    "smtp": (b"220 mail.example ESMTP\r\n", True),
    "closes": (b"SSH", False),
}


@pytest.fixture
async def asked(space: Any, tmp_path: Path, authority: Authority) -> dict[str, tuple[str, Pair]]:
    """The module and the two answers, by what is special about the target."""
    with (
        serving_names("--local=/example/", "--host-record=door.example,10.0.0.7") as dnsmasq,
        blackbox(tmp_path, authority.file, lambda *command: subprocess.Popen(command)) as port,
    ):
        async with targets(authority, dnsmasq) as wanted:
            found = await compared(space, port, tmp_path, wanted)
    return {name: (wanted[name][0].partition("_")[0], pair) for name, pair in found.items()}


async def test_both_say_the_same_of_good_and_broken_targets(asked: dict[str, tuple[str, Pair]]) -> None:
    """In one test: what takes time is asking, and then everything is known."""
    assert len(asked) >= 40
    assert {answer.status for _, pair in asked.values() for answer in pair} == {200}
    assert {pair.theirs.value("probe_success") for _, pair in asked.values()} == {0, 1}
    assert differing(asked) == DIFFERENT
    assert [name for name, (_, pair) in asked.items() if not same_phases(name, pair)] == []
    theirs, ours = (of_probers(asked, side) for side in (0, 1))
    assert {prober: theirs[prober] - ours[prober] for prober in theirs} == LACKING
    assert {prober: ours[prober] - theirs[prober] for prober in theirs} == MORE


def same_phases(name: str, pair: Pair) -> bool:
    """Whether a probe that passed went through the same phases, and each took some time where it did for them."""
    if not pair.theirs.value("probe_success") or name in DIFFERENT["probe_success"]:
        return True
    for family in ("probe_http_duration_seconds", "probe_dns_duration_seconds"):
        theirs, ours = pair.theirs.parts(family), pair.ours.parts(family)
        passed = {phase for phase, seconds in theirs.items() if seconds > 0 and phase != "resolve"}
        if theirs.keys() != ours.keys() or not all(ours[phase] > 0 for phase in passed):
            return False
    return True


def of_probers(asked: dict[str, tuple[str, Pair]], side: int) -> dict[str, set[str]]:
    """All families that one of the two has, by what was asked."""
    found: dict[str, set[str]] = {}
    for prober, pair in asked.values():
        found.setdefault(prober, set()).update(pair[side].series)
    return found


def differing(asked: dict[str, tuple[str, Pair]]) -> dict[str, set[str]]:
    """The targets of which the two say different things, by family; of those that both have and that are no times."""
    found: dict[str, set[str]] = {}
    for name, (_, (theirs, ours)) in asked.items():
        for family in theirs.series.keys() & ours.series.keys():
            if not family.endswith("_seconds") and theirs.series[family] != ours.series[family]:
                found.setdefault(family, set()).add(name)
    return found


def test_both_say_the_same_of_somebody_who_answers_echoes_and_of_nobody(space: Any, tmp_path: Path) -> None:
    with netns.namespaces(2) as (here, there):
        netns.join(here, "10.9.0.1/24", there, "10.9.0.2/24")
        with blackbox(tmp_path, Authority(tmp_path).file, here.start) as port:
            wanted = {"somebody": ("icmp", "10.9.0.2"), "nobody": ("icmp", "10.9.0.3")}
            found = here.run(lambda: compared(space, port, tmp_path, wanted))
    somebody, nobody = found["somebody"], found["nobody"]
    assert [one.value("probe_success") for one in (*somebody, *nobody)] == [1, 1, 0, 0]
    phases = [one.parts("probe_icmp_duration_seconds") for one in (*somebody, *nobody)]
    assert {frozenset(one) for one in phases} == {frozenset({"resolve", "setup", "rtt"})}
    assert phases[1]["rtt"] > 0
    assert phases[3]["rtt"] == 0
    assert somebody.theirs.series.keys() - somebody.ours.series.keys() == {"probe_ip_addr_hash"}


def test_every_difference_is_explained_to_users() -> None:
    told = DOCS.read_text("utf-8").partition("## In the place of blackbox_exporter")[2]
    families = {*DIFFERENT, *set().union(*LACKING.values())}
    assert {family for family in families if f"`{family}`" not in told} == set()
