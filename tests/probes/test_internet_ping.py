"""internet.ping: what a burst of echoes says about a host."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from peers import netns
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.icmp.burst import Echo, Trouble
from probes._engines.resolve import Resolved
from probes.internet.ping import Ping, PingParams, verdict

HERE = Resolved("192.0.2.1", 4, 0.001)


@pytest.fixture
def namespace() -> Iterator[netns.Namespace]:
    with netns.namespaces() as (made,):
        yield made


def ping(timeout: float = 60, **settings: object) -> Callable[[], object]:
    """A run of the probe, not begun yet."""
    params = PingParams.model_validate({"host": "127.0.0.1", "gap": 0.01, **settings})
    return partial(Ping(params, Engines()).measure, timeout)


def value(samples: tuple[Sample, ...], metric: str, part: str = "") -> float | None:
    return next((sample.value for sample in samples if (sample.metric, sample.part) == (metric, part)), None)


@pytest.mark.parametrize(("host", "version"), [("127.0.0.1", 4), ("::1", 6)])
def test_a_host_that_answers_is_up_with_every_figure(namespace: netns.Namespace, host: str, version: int) -> None:
    found = namespace.run(ping(host=host))
    assert {(sample.metric, sample.part) for sample in found.samples} == {
        (metric.name, part) for metric in Ping.metrics for part in metric.parts or ("",)
    }
    assert value(found.samples, "probe_icmp_packets_sent") == 5
    assert value(found.samples, "probe_icmp_packets_received") == 5
    assert value(found.samples, "probe_icmp_loss_ratio") == 0
    assert value(found.samples, "probe_icmp_reply_hop_limit") == 64
    assert value(found.samples, "probe_ip_protocol") == version
    assert f"{host}: 5 of 5 echoes answered, median round trip " in found.detail


def test_a_host_that_never_answers_is_down(namespace: netns.Namespace) -> None:
    namespace.sysctl("net/ipv4/icmp_echo_ignore_all", "1")
    with pytest.raises(Failed, match=r"no_reply: 127.0.0.1: none of [1-5] echoes was answered within") as failed:
        namespace.run(ping(timeout=3))
    assert value(failed.value.samples, "probe_icmp_packets_sent") == 5
    assert value(failed.value.samples, "probe_icmp_loss_ratio") == 1
    assert value(failed.value.samples, "probe_icmp_rtt_seconds", "median") is None


def test_partial_loss_is_up_with_its_ratio(namespace: netns.Namespace) -> None:
    namespace.firewall("icmp type echo-request numgen random mod 100 < 50 drop")
    found = namespace.run(ping(count=200, timeout=5))
    assert 0.3 < (value(found.samples, "probe_icmp_loss_ratio") or 0) < 0.7


def test_a_rejected_host_is_unreachable(namespace: netns.Namespace) -> None:
    namespace.firewall("icmp type echo-request reject with icmp type host-unreachable")
    with pytest.raises(Failed, match=r"unreachable: 127.0.0.1: host unreachable, says 127.0.0.1"):
        namespace.run(ping())


def test_no_route_says_nothing_about_the_host(namespace: netns.Namespace) -> None:
    with pytest.raises(Unmeasured, match=r"no_network: cannot send to 192.0.2.1"):
        namespace.run(ping(host="192.0.2.1"))


def test_a_resolver_that_is_not_there_says_nothing_about_the_host(namespace: netns.Namespace) -> None:
    with pytest.raises(Unmeasured, match="no_network: our resolver"):
        namespace.run(ping(host="host.example"))


async def test_a_name_without_an_address_is_unresolved() -> None:
    with pytest.raises(Failed, match=r"unresolved: 127.0.0.1 has no IPv6 address"):
        await ping(family="ipv6")()
    with pytest.raises(Failed, match="unresolved"):
        await ping(host=f"{'a' * 64}.example")()


def test_the_source_decides_the_ip_version(namespace: netns.Namespace) -> None:
    found = namespace.run(ping(host="localhost", source="127.0.0.1"))
    assert value(found.samples, "probe_ip_protocol") == 4
    assert (value(found.samples, "probe_dns_lookup_time_seconds") or 0) > 0


async def test_echoes_that_do_not_fit_into_the_timeout_are_refused_with_the_remedy() -> None:
    with pytest.raises(Unmeasured, match="raise timeout, or lower count or gap"):
        await ping(count=50, gap=1, timeout=5)()


@pytest.mark.parametrize(("mtu", "whose"), [(1400, "this machine's"), (1500, "an")])
def test_an_echo_larger_than_the_path_takes_is_down_with_the_mtu(
    namespace: netns.Namespace, mtu: int, whose: str
) -> None:
    """The narrow link is our own, or the one beyond a router."""
    with netns.namespaces(2) as (router, far):
        netns.join(namespace, "10.77.0.1/24", router, "10.77.0.2/24", mtu=mtu)
        netns.join(router, "10.78.0.1/24", far, "10.78.0.2/24", mtu=1400)
        namespace.ip("route", "add", "10.78.0.0/24", "via", "10.77.0.2")
        router.sysctl("net/ipv4/ip_forward", "1")
        with pytest.raises(Failed) as failed:
            namespace.run(ping(host="10.78.0.2", size=1400, dont_fragment=True))
    says = ", says 10.77.0.2" if mtu == 1500 else ""
    assert failed.value.reason == "too_big"
    assert failed.value.reason in Ping.reasons
    assert failed.value.detail == f"10.78.0.2: packet too big for {whose} MTU of 1400 bytes{says}"
    assert value(failed.value.samples, "probe_icmp_packets_sent") == (5 if mtu == 1500 else 0)
    assert value(failed.value.samples, "probe_icmp_loss_ratio") == (1 if mtu == 1500 else None)


def test_a_ttl_error_beats_silence() -> None:
    echoes = [Echo(0.0), Echo(0.0, trouble=Trouble("ttl_exceeded", "TTL exceeded on the way", "192.0.2.9"))]
    with pytest.raises(Failed, match=r"ttl_exceeded: gw: TTL exceeded on the way, says 192.0.2.9") as failed:
        verdict("gw", Resolved("gw", 4, 0), echoes, 1)
    assert failed.value.reason in Ping.reasons


def test_echoes_that_never_left_are_no_loss() -> None:
    found = verdict("gw", HERE, [Echo(0.0, 0.01), Echo(), Echo(0.0, 0.03)], 1)
    assert value(found.samples, "probe_icmp_packets_sent") == 2
    assert value(found.samples, "probe_icmp_loss_ratio") == 0
    with pytest.raises(Unmeasured, match="overloaded"):
        verdict("gw", HERE, [Echo(), Echo()], 1)


def test_the_statistics_are_those_of_the_answered_echoes() -> None:
    rtts = [0.010, 0.030, None, 0.020, 0.040]
    found = verdict("gw", HERE, [Echo(0.001, rtt, 57, duplicates=rtt == 0.030, late=rtt is None) for rtt in rtts], 1)
    assert isinstance(found, Measured)
    assert found.detail == "gw (192.0.2.1): 4 of 5 echoes answered, median round trip 25 ms"
    expected = {"min": 0.010, "median": 0.025, "p95": 0.040, "max": 0.040, "stddev": 0.0111803}
    for stat, seconds in expected.items():
        assert value(found.samples, "probe_icmp_rtt_seconds", stat) == pytest.approx(seconds, rel=1e-5)
    assert value(found.samples, "probe_icmp_jitter_seconds") == pytest.approx((0.020 + 0.010 + 0.020) / 3)
    assert value(found.samples, "probe_icmp_loss_ratio") == pytest.approx(0.2)
    assert value(found.samples, "probe_icmp_duplicates") == 1
    assert value(found.samples, "probe_icmp_late_replies") == 1
    assert value(found.samples, "probe_icmp_duration_seconds", "setup") == 0.001


@pytest.mark.parametrize(
    "wrong",
    [
        {"gap": 0.001},
        {"count": 0},
        {"size": 4},
        {"host": "a b"},
        {"host": ""},
        {"source": "wan"},
        {"dscp": 64},
        {"x": 1},
    ],
)
def test_settings_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ping(**wrong)


def test_the_evidence_of_a_dead_host_is_the_path_as_far_as_it_goes(namespace: netns.Namespace) -> None:
    namespace.sysctl("net/ipv4/icmp_echo_ignore_all", "1")

    async def work() -> str:
        engines = Engines()
        try:
            return await Ping(PingParams(host="127.0.0.1"), engines).evidence(1)
        finally:
            engines.close()

    assert namespace.run(work) == "path to 127.0.0.1: not even the first hop answers"
