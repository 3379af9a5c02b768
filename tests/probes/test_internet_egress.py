"""internet.egress: which uplink a public address belongs to, and what is remembered; real lines are in the stories."""

import json
from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from peers.ports import free_port
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.uplinks import Uplink
from probes.internet.egress import (
    MOST_ADDRESSES,
    Egress,
    EgressParams,
    Past,
    Seen,
    in_words,
    networks,
    origin_name,
    said,
    samples,
    seen_from,
)

FIBRE = Uplink.model_validate({"provider": "Fibre One", "prefix": "198.51.100.0/29", "asn": 64500})
MOBILE = Uplink.model_validate({"provider": "Mobile Two", "role": "backup", "asn": 64501})
LINES = {"fibre": FIBRE, "mobile": MOBILE}
OF_FIBRE, OF_MOBILE = (64500,), (64501,)


def seen(address: str, asns: tuple[int, ...] = (), lines: dict[str, Uplink] = LINES) -> Seen:
    return seen_from(ip_address(address), asns, lines)


ON_FIBRE, ON_MOBILE = seen("198.51.100.2", OF_FIBRE), seen("203.0.113.9", OF_MOBILE)


def value(found: tuple[Sample, ...], metric: str, part: str = "") -> float | None:
    return next((one.value for one in found if (one.metric, one.part) == (f"deskwatch_egress_{metric}", part)), None)


def figures(one: Seen, past: Past = Past(), now: float = 0) -> tuple[Sample, ...]:  # noqa: B008
    return tuple(samples(one, past, now, LINES))


@pytest.mark.parametrize(
    ("body", "address"),
    [
        (b"198.51.100.2\n", "198.51.100.2"),
        (b"2001:db8::7", "2001:db8::7"),
        (b'{"ip": "198.51.100.2", "country": "PT"}', "198.51.100.2"),
        (b'{"processedString": "198.51.100.2 - Fibre One, PT", "rawIspInfo": ""}', "198.51.100.2"),
        (b"<html>welcome</html>", None),
        (b'{"ip": ["198.51.100.2"]}', None),
        (b"[]", None),
        (b"12", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b"[" * 100_000, None),
    ],
)
def test_an_endpoint_says_an_address_as_text_or_in_json(body: bytes, address: str | None) -> None:
    assert said(body) == (ip_address(address) if address else None)


def test_the_name_that_tells_of_an_address_has_its_numbers_in_reverse() -> None:
    assert origin_name(ip_address("198.51.100.2"), "origin.test") == "2.100.51.198.origin.test"
    assert origin_name(ip_address("2001:db8::1"), "origin6.test") == (
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.origin6.test"
    )


@pytest.mark.parametrize(
    ("record", "asns"),
    [
        ('"64500 | 198.51.100.0/24 | PT | ripencc | 2010-01-01"', (64500,)),
        ('"64500 64501 | 198.51.100.0/24 | PT"', (64500, 64501)),
        ('"64500"', (64500,)),
        ('"NA | x"', ()),
        ('""', ()),
        ('"99999999999 | x"', ()),
    ],
)
def test_a_record_tells_the_numbers_of_the_networks(record: str, asns: tuple[int, ...]) -> None:
    assert networks(("garbage", record)) == asns


@given(st.binary())
def test_no_answer_of_an_endpoint_is_too_strange(body: bytes) -> None:
    said(body)


@given(st.lists(st.text()))
def test_no_record_is_too_strange(records: list[str]) -> None:
    assert all(number >= 0 for number in networks(records))


def test_an_address_within_a_prefix_belongs_to_the_uplink_that_declares_it_whatever_its_network() -> None:
    assert (ON_FIBRE.uplink, ON_FIBRE.expected) == ("fibre", True)
    assert seen("198.51.100.2").uplink == "fibre"
    assert seen("198.51.100.2", OF_MOBILE).uplink == "fibre"


def test_an_uplink_without_a_prefix_is_known_by_its_network() -> None:
    assert (ON_MOBILE.uplink, ON_MOBILE.expected) == ("mobile", True)
    assert seen("203.0.113.9").uplink == ""


def test_an_address_of_two_uplinks_is_of_none() -> None:
    assert seen("203.0.113.9", OF_MOBILE, {"one": MOBILE, "two": MOBILE}).uplink == ""


def test_the_figures_say_which_uplink_carries_traffic() -> None:
    found = figures(ON_MOBILE)
    assert [value(found, "uplink", id) for id in LINES] == [0, 1]
    assert (value(found, "on_backup"), value(found, "asn")) == (1, 64501)
    assert value(figures(ON_FIBRE), "on_backup") == 0


def test_what_belongs_to_nobody_is_not_expected_and_says_what_to_declare() -> None:
    strange = seen("192.0.2.7", (64999,))
    assert value(figures(strange), "address_expected") == 0
    assert value(figures(strange), "on_backup") is None
    assert in_words(strange, Past(), 0, LINES) == (
        "public address 192.0.2.7 of AS64999 is not that of one uplink alone, "
        "so which one carries traffic is not known: give each its `prefix` or `asn`"
    )


@pytest.mark.parametrize("lines", [{}, {"fibre": Uplink(provider="Fibre One")}])
def test_where_nothing_is_declared_nothing_is_expected(lines: dict[str, Uplink]) -> None:
    one = seen("192.0.2.7", OF_FIBRE, lines)
    assert value(tuple(samples(one, Past(), 0, lines)), "address_expected") is None


def test_an_address_outside_the_prefix_but_of_its_network_is_a_changed_static_address() -> None:
    outside = seen("198.51.100.77", OF_FIBRE)
    assert (outside.uplink, outside.expected) == ("fibre", False)
    assert in_words(outside, Past(), 0, LINES) == (
        "fibre of Fibre One (provider) carries traffic; public address 198.51.100.77 of AS64500; "
        "that is outside 198.51.100.0/29, which the uplink declares: its address has changed"
    )


def test_a_new_address_within_the_prefix_is_noticed_for_an_hour() -> None:
    new = seen("198.51.100.3", OF_FIBRE)
    past = Past().after(ON_FIBRE, 0, LINES).after(new, 60, LINES)
    assert value(figures(new, past, 90), "address_age_seconds") == 30
    assert value(figures(new, past, 90), "address_changes_total") == 1
    assert in_words(new, past, 90, LINES).endswith("; a new address was seen here at 00:01 UTC")
    assert "new address" not in in_words(new, past, 4000, LINES)


def test_a_return_to_an_address_that_was_there_before_is_a_change_and_not_a_new_address() -> None:
    past = Past()
    for minute, address in enumerate(("198.51.100.2", "198.51.100.3", "198.51.100.2")):
        past = past.after(seen(address), 60 * minute, LINES)
    assert value(figures(ON_FIBRE, past, 180), "address_age_seconds") == 180 - 60
    assert past.changes == 2


def test_a_line_with_changing_addresses_is_not_blamed_for_them() -> None:
    past = Past().after(ON_MOBILE, 0, LINES).after(seen("203.0.113.10", OF_MOBILE), 60, LINES)
    assert value(figures(seen("203.0.113.10", OF_MOBILE), past, 60), "address_age_seconds") is None
    assert past.changes == 1


def test_only_so_many_addresses_are_remembered() -> None:
    past = Past()
    for number in range(20):
        past = past.after(seen(f"203.0.113.{number}", OF_MOBILE), number, LINES)
    assert past.addresses["mobile"] == [f"203.0.113.{number}" for number in range(20 - MOST_ADDRESSES, 20)]


def test_failover_and_return_take_from_the_last_look_at_one_to_the_first_at_the_other() -> None:
    past = Past().after(ON_FIBRE, 0, LINES).after(ON_FIBRE, 60, LINES).after(ON_MOBILE, 95, LINES)
    assert (past.failovers, past.failover, past.failback) == (1, 35, None)
    assert in_words(ON_MOBILE, past, 95, LINES) == (
        "running on the backup: mobile of Mobile Two (provider) carries traffic, which took over within 35 s; "
        "public address 203.0.113.9 of AS64501"
    )
    past = past.after(ON_MOBILE, 200, LINES).after(ON_FIBRE, 210, LINES)
    assert (past.failovers, past.failover, past.failback) == (1, 35, 10)


def test_a_look_that_told_nothing_is_not_counted_into_the_way() -> None:
    past = Past().after(ON_FIBRE, 0, LINES).after(seen("192.0.2.7"), 30, LINES).after(ON_MOBILE, 40, LINES)
    assert past.failover == 40


def test_two_primary_uplinks_that_share_the_traffic_fail_over_nowhere() -> None:
    lines = {"fibre": FIBRE, "mobile": Uplink.model_validate({"asn": 64501})}
    past = Past().after(ON_FIBRE, 0, lines).after(ON_MOBILE, 60, lines)
    assert (past.uplink, past.failovers, past.failover) == ("mobile", 0, None)


def test_an_uplink_that_is_no_longer_declared_has_no_role_to_leave() -> None:
    past = Past(uplink="old", seen=10).after(ON_MOBILE, 60, LINES)
    assert (past.uplink, past.failovers) == ("mobile", 0)


@given(
    st.lists(
        st.tuples(st.sampled_from([ON_FIBRE, ON_MOBILE, seen("192.0.2.7"), seen("198.51.100.3")]), st.integers(0, 900))
    )
)
def test_what_is_remembered_survives_a_restart_and_never_runs_backwards(steps: list[tuple[Seen, int]]) -> None:
    past, now = Past(), 0
    for one, passed in steps:
        now += passed
        after = Past.of(json.loads(json.dumps(past.kept))).after(one, now, LINES)
        assert after == past.after(one, now, LINES)
        assert after.failovers >= past.failovers
        assert after.changes >= past.changes
        assert (after.failover or 0) >= 0
        past = after


def test_what_another_version_remembered_is_taken_as_far_as_it_is_known() -> None:
    assert Past.of({"uplink": "fibre", "seen": 7.0, "colour": "green"}) == Past(uplink="fibre", seen=7.0)


@pytest.mark.parametrize(
    ("address", "line"),
    [("100.64.9.9", {}), ("198.51.100.2", {"gateway": "100.64.0.1"}), ("198.51.100.2", {"source": "100.127.0.1"})],
)
def test_the_nat_of_a_provider_is_noticed(address: str, line: dict[str, Any]) -> None:
    lines = {"fibre": Uplink.model_validate({"prefix": ["198.51.100.0/29", "100.64.0.0/10"], **line})}
    one = seen(address, lines=lines)
    assert value(tuple(samples(one, Past(), 0, lines)), "carrier_grade_nat") == 1
    assert "behind the provider's own NAT (100.64.0.0/10)" in in_words(one, Past(), 0, lines)
    assert not ON_FIBRE.nat


@pytest.mark.parametrize("echo", [[], ["ftp://echo.test/"], ["https://"], ["https://echo.test/\n"]])
def test_an_endpoint_that_is_none_is_refused(echo: list[str]) -> None:
    with pytest.raises(ValidationError):
        EgressParams.model_validate({"echo": echo})


def test_a_bare_target_is_an_endpoint() -> None:
    assert EgressParams.of_target("echo.example") == {"echo": ["https://echo.example"]}


@pytest.fixture
async def echo() -> AsyncIterator[str]:
    """Endpoints on loopback: /ip says who asks, every other path is its own answer."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/ip":
            return web.Response(text=f"{request.remote}\n")
        return web.Response(status=503 if request.path == "/busy" else 200, text=request.path)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def measure(*echo: str, **settings: object) -> Measured:
    params = EgressParams.model_validate({"echo": echo, "asn_zone": None, **settings})
    engines = Engines()
    try:
        return await Egress(params, engines).measure(60)
    finally:
        engines.close()


async def test_the_first_endpoint_that_knows_the_address_is_enough(echo: str) -> None:
    dead = f"http://127.0.0.1:{free_port()}/"
    found = await measure(
        dead, f"{echo}/busy", f"{echo}/odd", f"{echo}/ip", uplinks={"here": {"prefix": "127.0.0.0/8"}}
    )
    assert found.detail == "here carries traffic; public address 127.0.0.1"
    assert value(found.samples, "uplink", "here") == 1


async def test_endpoints_that_have_no_address_to_say_tell_nothing_about_us(echo: str) -> None:
    with pytest.raises(Unmeasured, match=r"no_source: .*answers with status 503 and no address, but '/busy'"):
        await measure(f"{echo}/busy", f"http://127.0.0.1:{free_port()}/")


async def test_without_a_way_to_any_endpoint_nothing_leaves_the_building() -> None:
    with pytest.raises(Failed, match=r"no_way_out: http://127.0.0.1:.* refused the connection"):
        await measure(f"http://127.0.0.1:{free_port()}/")


async def test_a_network_that_cannot_be_looked_up_is_not_told(echo: str) -> None:
    settings = {"asn_zone": "origin.test", "resolver": "127.0.0.1", "dns_port": free_port()}
    found = await measure(f"{echo}/ip", uplinks={"here": {"prefix": "127.0.0.0/8"}}, **settings)
    assert value(found.samples, "asn") is None
    assert value(found.samples, "address_expected") == 1
