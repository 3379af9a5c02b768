"""internet.headroom over what other checks have measured."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.reading import read
from probes import Reading, Sample, Status
from probes._engines import Engines
from probes.internet.headroom import Headroom, HeadroomParams

RATE = "deskwatch_throughput_bits_per_second"
CLIENTS = "deskwatch_wifi_clients"
OF_SSID = "deskwatch_wifi_ssid_clients"
PEOPLE = "deskwatch_headroom_people"
EACH = "deskwatch_headroom_bits_per_second_per_person"
RATIO = "deskwatch_headroom_ratio"


def told(check: str, *samples: Sample, age: float = 0, status: Status = Status.UP) -> Reading:
    at = datetime.now(UTC) - timedelta(seconds=age)
    return Reading(check, at, 0.1, status, "ok" if status is Status.UP else "x", "", samples)


def measured(rate: float, age: float = 0, status: Status = Status.UP) -> Reading:
    return told("fibre/throughput", Sample(RATE, rate, "down"), age=age, status=status)


def devices(count: float, check: str = "wifi/unifi", age: float = 0) -> Reading:
    return told(check, Sample(CLIENTS, count), age=age)


async def reading(engines: Engines, **settings: Any) -> Reading:
    probe = Headroom(HeadroomParams(**{"clients": ["wifi/unifi"], **settings}), engines)
    probe.check = "fibre/headroom"
    return await read("fibre/headroom", probe, 60)


def having(*readings: Reading) -> Engines:
    engines = Engines()
    for one in readings:
        engines.latest.take(one)
    return engines


async def test_what_was_measured_is_shared_by_the_people_on_the_wifi() -> None:
    found = await reading(having(measured(500e6), devices(79)), throughput="fibre/throughput")
    assert found.status is Status.UP, found.detail
    assert found.value(PEOPLE) == 40
    assert found.value(EACH) == pytest.approx(12.5e6)
    assert found.value(RATIO) == pytest.approx(0.5)
    assert found.detail.startswith(
        "12.5 Mbit/s for each of 40 people (79 devices); 25 Mbit/s are needed; the line has 500"
    )
    assert "as measured on" in found.detail


async def test_without_a_measurement_the_contract_counts() -> None:
    found = await reading(having(devices(10)), throughput="fibre/throughput", contract={"down": "1 Gbit/s"})
    assert found.value(RATIO) == pytest.approx(8)
    assert found.detail == "200 Mbit/s for each of 5 people (10 devices); the line has 1000 Mbit/s by its contract"


async def test_without_either_nothing_is_said() -> None:
    found = await reading(having(devices(10)))
    assert (found.status, found.reason) == (Status.UNKNOWN, "no_source")
    assert "what the line carries is not known: no check measures it" in found.detail


async def test_a_good_measurement_is_remembered_when_later_ones_are_not() -> None:
    engines = having(measured(400e6, age=3600), devices(2))
    await reading(engines, throughput="fibre/throughput")
    engines.latest.take(told("fibre/throughput", status=Status.UNKNOWN))
    assert (await reading(engines, throughput="fibre/throughput")).value(EACH) == 400e6
    engines.latest.take(measured(1e6, status=Status.DOWN))
    assert (await reading(engines, throughput="fibre/throughput")).value(EACH) == 400e6


async def test_one_that_is_too_old_gives_way_to_the_contract() -> None:
    engines = having(measured(400e6, age=7200), devices(2))
    settings = {"throughput": "fibre/throughput", "contract": {"down": "100 Mbit/s"}}
    assert (await reading(engines, **settings, max_age=3600)).value(EACH) == 100e6


async def test_controllers_are_added_up_and_networks_chosen() -> None:
    unifi = told("wifi/unifi", Sample(CLIENTS, 50), Sample(OF_SSID, 30, "Members"), Sample(OF_SSID, 20, "Printers"))
    omada = told("annex/omada", Sample(OF_SSID, 8, "Members"), Sample(OF_SSID, 4, "Guests"))
    engines, contract = having(unifi, omada), {"down": "1 Gbit/s"}
    both = {"clients": ["wifi/unifi", "annex/omada"], "contract": contract, "devices_per_person": 1}
    assert (await reading(engines, **both)).value(PEOPLE) == 62
    assert (await reading(engines, **both, ssids=["Members"])).value(PEOPLE) == 38
    assert (await reading(engines, clients=["annex/omada"], contract=contract)).value(PEOPLE) == 6


async def test_nobody_on_the_wifi_has_the_whole_line() -> None:
    found = await reading(having(devices(0)), contract={"down": "100 Mbit/s"})
    assert (found.value(PEOPLE), found.value(RATIO)) == (0, 4)
    assert found.detail.startswith("nobody is on the Wi-Fi")


@pytest.mark.parametrize(
    "engines",
    [
        having(),
        having(devices(9, age=3600)),
        having(told("wifi/unifi", status=Status.DOWN)),
        having(told("wifi/unifi", Sample(OF_SSID, 9, "Guests"))),
    ],
    ids=["never", "long ago", "down", "another network"],
)
async def test_unless_devices_are_counted_nothing_is_said(engines: Engines) -> None:
    found = await reading(engines, contract={"down": "1 Gbit/s"}, ssids=["Members"])
    assert (found.status, found.reason) == (Status.UNKNOWN, "no_source")
    assert found.detail.startswith("wifi/unifi has not told how many devices are on the Wi-Fi for 15 minutes")


def test_what_each_person_needs_has_a_unit() -> None:
    assert HeadroomParams(clients=["wifi/unifi"], per_person="50 Mbit/s").per_person == 50e6
    assert HeadroomParams(clients=["wifi/unifi"]).per_person == 25e6
    with pytest.raises(ValidationError, match="like `500 Mbit/s`"):
        HeadroomParams(clients=["wifi/unifi"], per_person=25)
    with pytest.raises(ValidationError, match="clients"):
        HeadroomParams(clients=[])
