"""internet.uplink: what the answers over one line say about it; tests/stories/test_uplinks.py has real lines."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import dns.message
import dns.rcode
import pytest
from peers import netns
from peers.ports import free_port
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.http.exchange import Via
from probes._engines.icmp.burst import Echo, Trouble
from probes._engines.line import Destination, Echoes, Findings, Page, leaving
from probes._engines.lookup import Answer, ask
from probes._engines.uplinks import Contract
from probes.internet.uplink import ENOUGH, RecentLoss, Uplink, UplinkParams, verdict

ROUTER = "10.1.0.1"
NAME = Answer("192.0.2.53", ("192.0.2.80",), 0.02)
NO_NAME = Answer("192.0.2.53", trouble="192.0.2.53 does not answer")
PAGE = Page("https://one.example/", 0.05)
NO_PAGE = Page("https://two.example/", trouble="no answer to the connection attempt")


def line(**settings: object) -> UplinkParams:
    return UplinkParams.model_validate({"source": "10.1.0.2", "provider": "Fibre One", **settings})


def answered(*rtts: float | None) -> Echoes:
    return Echoes(tuple(Echo(0.0, rtt) for rtt in rtts))


def destination(address: str, *rtts: float | None, connected: float | None = 0.01) -> Destination:
    return Destination(address, answered(*rtts), connected)


def found(
    *destinations: Destination,
    router: str = ROUTER,
    gateway: Echoes = answered(0.001),  # noqa: B008 - frozen
    lookups: tuple[Answer, ...] = (NAME,),
    pages: tuple[Page, ...] = (PAGE,),
) -> Findings:
    return Findings(router, gateway, destinations or THREE, lookups, pages)


THREE = tuple(destination(address, 0.02, 0.03) for address in ("192.0.2.1", "192.0.2.2", "198.51.100.9"))
SILENT = tuple(destination(one.address, None, None, connected=None) for one in THREE)


def down(findings: Findings, **settings: object) -> Failed:
    with pytest.raises(Failed) as failed:
        verdict(line(**settings), findings, None)
    assert failed.value.reason in Uplink.reasons
    return failed.value


def value(samples: tuple[Sample, ...], metric: str, part: str = "") -> float | None:
    return next(
        (one.value for one in samples if (one.metric, one.part) == (f"deskwatch_uplink_{metric}", part)),
        None,
    )


def test_a_line_that_works_is_up_with_every_figure() -> None:
    contract = Contract.model_validate({"down": "500 Mbit/s", "up": "100 Mbit/s", "latency": 0.04})
    seen = verdict(line(contract=contract), found(), 0.01)
    assert seen.detail == ("Fibre One (provider): 6 of 6 echoes to 3 destinations answered, median round trip 25 ms")
    names = {
        (metric.name, part) for metric in Uplink.metrics for part in metric.parts or ("",) if metric.part != "target"
    }
    targets = {("deskwatch_uplink_target_up", one.address) for one in THREE}
    assert {(sample.metric, sample.part) for sample in seen.samples} == names | targets
    assert value(seen.samples, "contract_bits_per_second", "down") == 500e6
    assert value(seen.samples, "rtt_of_contract_ratio") == pytest.approx(0.025 / 0.04)
    assert value(seen.samples, "jitter_seconds") == pytest.approx(0.01)


def test_one_destination_that_is_dead_is_no_fault_and_no_loss_of_the_line() -> None:
    seen = verdict(line(), found(*THREE[:2], SILENT[2]), None)
    assert seen.detail.startswith("198.51.100.9 alone does not answer: it is the destination, not the line; Fibre One")
    assert value(seen.samples, "loss_ratio") == 0
    assert value(seen.samples, "target_up", "198.51.100.9") == 0


def test_several_dead_destinations_are_named() -> None:
    seen = verdict(line(), found(THREE[0], *SILENT[1:]), None)
    assert seen.detail.startswith("2 of 3 destinations do not answer: 192.0.2.2, 198.51.100.9; ")


def test_lost_echoes_are_counted_among_the_destinations_that_answer() -> None:
    seen = verdict(line(), found(destination("192.0.2.1", 0.02, None), *THREE[1:]), None)
    assert value(seen.samples, "loss_ratio") == pytest.approx(1 / 6)


def test_the_round_trip_is_that_to_the_nearest_destination() -> None:
    seen = verdict(line(), found(destination("192.0.2.1", 0.2, 0.2), *THREE[1:]), None)
    assert value(seen.samples, "rtt_seconds", "max") == 0.03


def test_a_dead_router_is_ours_to_look_at_before_the_provider_is_called() -> None:
    failed = down(found(*SILENT, gateway=answered(None), lookups=(NO_NAME,), pages=(NO_PAGE,)))
    assert failed.reason == "gateway_down"
    assert failed.detail == (
        "our router 10.1.0.1 does not answer, and nothing beyond it does: "
        "look at its power and cables before you call Fibre One"
    )
    assert value(failed.samples, "gateway_up") == 0
    assert value(failed.samples, "loss_ratio") == 1


def test_a_router_that_answers_alone_is_the_providers_fault() -> None:
    failed = down(found(*SILENT, lookups=(NO_NAME,), pages=(NO_PAGE,)))
    assert (failed.reason, value(failed.samples, "gateway_up")) == ("line_down", 1)
    assert failed.detail.startswith(
        "Fibre One (provider) carries nothing: our router 10.1.0.1 answers, but none of 192"
    )


def test_a_router_that_tells_of_the_fault_works() -> None:
    told = Echoes((Echo(0.0, trouble=Trouble("unreachable", "network unreachable", ROUTER)),))
    failed = down(found(Destination("192.0.2.1", told, None), gateway=answered(None), pages=(NO_PAGE,)))
    assert failed.reason == "line_down"


def test_without_a_gateway_it_is_not_known_whose_fault_it_is() -> None:
    failed = down(found(*SILENT, router="", gateway=Echoes(), pages=(NO_PAGE,)), provider="")
    assert failed.reason == "line_down"
    assert failed.detail == (
        "nothing beyond this machine answers over the line; "
        "whether our router works is not known: set `gateway` to its address"
    )
    assert value(failed.samples, "gateway_up") is None


def test_names_alone_prove_no_line_because_routers_know_some_by_heart() -> None:
    assert down(found(*SILENT, pages=(NO_PAGE,))).reason == "line_down"


@pytest.mark.parametrize(
    "findings",
    [
        found(*SILENT[:2], destination("198.51.100.9", None, connected=0.02), lookups=(NAME,)),
        found(*SILENT[:2], destination("198.51.100.9", 0.02, connected=None), lookups=(NAME,)),
        found(*SILENT, pages=(PAGE, NO_PAGE)),
    ],
    ids=["a connection", "an echo", "a page"],
)
def test_any_evidence_from_beyond_the_router_keeps_the_line_up(findings: Findings) -> None:
    assert isinstance(verdict(line(), findings, None), Measured)


def test_a_line_on_which_no_name_is_found_is_down_for_everybody_on_it() -> None:
    failed = down(found(lookups=(NO_NAME, Answer("9.9.9.9", trouble="9.9.9.9 answers SERVFAIL")), pages=(NO_PAGE,)))
    assert failed.reason == "dns_failed"
    assert failed.detail == (
        "packets pass over Fibre One (provider), but no name is found: "
        "192.0.2.53 does not answer, 9.9.9.9 answers SERVFAIL"
    )


def test_one_resolver_that_fails_is_named_and_no_fault_of_the_line() -> None:
    assert verdict(line(), found(lookups=(NO_NAME, NAME)), None).detail.startswith("192.0.2.53 does not answer; Fibre")


def test_a_line_on_which_no_page_comes_is_held_back() -> None:
    failed = down(found(pages=(NO_PAGE, NO_PAGE._replace(url="https://three.example/"))))
    assert failed.reason == "blocked"
    assert "https://three.example/: no answer to the connection attempt" in failed.detail


def test_one_page_that_does_not_come_is_no_fault_of_the_line() -> None:
    for pages in ((PAGE, NO_PAGE), (NO_PAGE,)):
        seen = verdict(line(), found(pages=pages), None)
        assert seen.detail.startswith("https://two.example/ does not come: no answer to the connection attempt; ")


def test_the_only_page_that_does_not_come_is_proof_with_connections_that_fail() -> None:
    silent = tuple(destination(one.address, 0.02, connected=None) for one in THREE)
    assert down(found(*silent, pages=(NO_PAGE,))).reason == "blocked"


def test_a_router_that_answers_no_echoes_may_still_carry_traffic() -> None:
    seen = verdict(line(), found(gateway=answered(None)), None)
    assert seen.detail.startswith("our router 10.1.0.1 does not answer echoes, but carries traffic; ")
    assert value(seen.samples, "gateway_up") == 0


def test_loss_is_not_guessed_where_nobody_answers_echoes() -> None:
    deaf = tuple(destination(one.address, None) for one in THREE)
    seen = verdict(line(), found(*deaf), None)
    assert seen.detail == "Fibre One (provider) works; no destination answers echoes, so loss is not known"
    assert value(seen.samples, "loss_ratio") is None


def test_a_dead_backup_is_said_to_be_one() -> None:
    findings = found(*SILENT, lookups=(NO_NAME,), pages=(NO_PAGE,))
    assert down(findings, role="backup").detail.endswith("; it is the backup: there is none until it works")


def test_a_machine_too_busy_to_send_says_nothing_about_the_line() -> None:
    unsent = tuple(Destination(one.address, Echoes((Echo(),)), None) for one in THREE)
    with pytest.raises(Unmeasured, match="overloaded"):
        verdict(line(), found(*unsent), None)


def test_a_line_that_is_not_bound_is_said_not_to_be() -> None:
    assert "the line, not bound to an interface or a source: 6 of 6" in verdict(UplinkParams(), found(), None).detail


def run_of(lost: int, sent: int = 50) -> Findings:
    return found(destination("192.0.2.1", *[None] * lost, *[0.01] * (sent - lost)))


def test_recent_loss_needs_enough_echoes_and_forgets_after_five_minutes() -> None:
    recent = RecentLoss()
    assert recent.after(run_of(lost=5), 0) is None
    assert recent.after(run_of(lost=0), 30) == pytest.approx(5 / 100)
    assert recent.after(run_of(lost=0), 299) == pytest.approx(5 / 150)
    assert recent.after(run_of(lost=0), 301) == 0


def test_recent_loss_of_a_line_that_is_seldom_asked_goes_back_as_far_as_it_must() -> None:
    recent = RecentLoss()
    lossy = [recent.after(run_of(lost=1, sent=10), 900 * number) for number in range(20)]
    assert [one is None for one in lossy] == [True] * 9 + [False] * 11
    assert lossy[-1] == pytest.approx(0.1)
    assert ENOUGH == 100


def test_an_outage_does_not_look_like_loss_after_its_end() -> None:
    """Neither do the runs in the midst of which the line died and came back."""
    recent = RecentLoss()
    for number, run in enumerate((run_of(lost=0), run_of(lost=0), run_of(lost=1))):
        recent.after(run, 30 * number)
    assert recent.after(run_of(lost=40), 90) == pytest.approx(41 / 200)
    ended = (found(*SILENT, pages=(NO_PAGE,)), found(*SILENT, pages=(NO_PAGE,)), run_of(lost=40), run_of(lost=0))
    assert [recent.after(run, 120 + 30 * number) for number, run in enumerate(ended)] == pytest.approx(
        [1 / 150, 1 / 150, 1 / 150, 1 / 200]
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"urls": ["https://192.0.2.1/"]}, "give a page by its name"),
        ({"urls": ["ftp://pages.example/"]}, "begins with https://"),
        ({"targets": ["192.0.2.1", "192.0.2.2"]}, "at least 3 items"),
        ({"targets": ["192.0.2.1", "192.0.2.2", "pages.example"]}, "not a valid IPv4 or IPv6 address"),
        ({"gateway": "fd00::1"}, "fd00::1 of gateway is IPv6, but the first target 1.1.1.1 is IPv4"),
        ({"source": "fd00::2"}, "make a second check for the other"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_remedy(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        UplinkParams.model_validate(settings)


def test_a_bare_target_is_an_interface_or_an_address_of_this_machine() -> None:
    assert UplinkParams.of_target("wan2") == {"interface": "wan2"}
    assert UplinkParams.of_target("10.1.0.2") == {"source": "10.1.0.2"}
    assert UplinkParams.model_validate({"interface": "wan2"}).target == "wan2"


@pytest.fixture
def namespace() -> Iterator[netns.Namespace]:
    with netns.namespaces() as (made,):
        yield made


def measure(timeout: float = 10, **settings: Any) -> Callable[[], Coroutine[Any, Any, Measured]]:
    params = UplinkParams.model_validate({"gap": 0.01, **settings})
    return partial(Uplink(params, Engines()).measure, timeout)


@pytest.mark.parametrize("settings", [{"interface": "wan2"}, {"source": "10.9.9.9"}, {"interface": "bare"}])
def test_an_interface_or_address_that_is_not_ours_says_nothing_about_the_line(
    namespace: netns.Namespace, settings: dict[str, Any]
) -> None:
    """The last one is there, but without an address: Linux would send with that of another interface."""
    namespace.ip("link", "add", "bare", "type", "veth", "peer", "name", "end")
    namespace.ip("link", "set", "bare", "up")
    with pytest.raises(Unmeasured, match="no_network"):
        namespace.run(measure(**settings))


def test_the_address_of_an_interface_is_what_is_sent_from(namespace: netns.Namespace) -> None:
    namespace.ip("link", "add", "wan", "type", "veth", "peer", "name", "end")
    namespace.ip("address", "add", "10.1.0.2/24", "dev", "wan")
    namespace.ip("address", "add", "2001:db8::2/64", "dev", "wan", "nodad")
    for end in ("wan", "end"):
        namespace.ip("link", "set", end, "up")

    async def sources() -> list[str]:
        return [leaving(Via(interface="wan"), version).source for version in (4, 6)]

    assert namespace.run(sources) == ["10.1.0.2", "2001:db8::2"]


def test_a_line_of_ipv6_is_looked_at_by_its_own_addresses(namespace: netns.Namespace) -> None:
    far = tuple(f"2001:db8:9::{number}" for number in (1, 2, 3))
    with netns.namespaces() as (internet,):
        interface, _ = netns.join(namespace, "2001:db8:1::2/64", internet, "2001:db8:1::1/64")
        namespace.ip("route", "add", "default", "via", "2001:db8:1::1")
        for address in far:
            internet.ip("address", "add", address, "dev", "lo", "nodad")
        settings = {"interface": interface, "gateway": "2001:db8:1::1", "targets": far, "resolvers": far[:1]}
        with pytest.raises(Failed, match=f"dns_failed: .*{far[0]} cannot be asked: Connection refused") as failed:
            namespace.run(measure(timeout=20, **settings))
    assert [value(failed.value.samples, "target_up", address) for address in far] == [1, 1, 1]
    assert (value(failed.value.samples, "gateway_up"), value(failed.value.samples, "loss_ratio")) == (1, 0)


async def test_echoes_that_do_not_fit_into_the_timeout_are_refused_with_the_remedy() -> None:
    with pytest.raises(Unmeasured, match="raise timeout, or lower count or gap"):
        await measure(count=50, gap=1)()


async def reluctant(opened: socket.socket, rcode: dns.rcode.Rcode) -> None:
    """Be a DNS server that overhears the first question, and answers the next with rubbish and then with `rcode`."""
    loop = asyncio.get_running_loop()
    await loop.sock_recvfrom(opened, 512)
    question, sender = await loop.sock_recvfrom(opened, 512)
    response = dns.message.make_response(dns.message.from_wire(question))
    response.set_rcode(rcode)
    for wire in (b"rubbish", response.to_wire()):
        await loop.sock_sendto(opened, wire, sender)


@pytest.mark.parametrize(
    ("rcode", "words"), [(dns.rcode.SERVFAIL, "answers SERVFAIL"), (dns.rcode.NOERROR, "knows no")]
)
async def test_a_lost_question_is_asked_again_and_an_empty_answer_is_none(rcode: dns.rcode.Rcode, words: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.setblocking(False)
        server = asyncio.create_task(reluctant(opened, rcode))
        answer = await ask("127.0.0.1", opened.getsockname()[1], "desk.test", "A", 20, Via())
        await server
    assert answer.records == ()
    assert words in answer.trouble


async def test_a_server_that_refuses_is_no_answer() -> None:
    answer = await ask("127.0.0.1", free_port(), "desk.test", "A", 60, Via())
    assert "cannot be asked: Connection refused" in answer.trouble
