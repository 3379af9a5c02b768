"""The SNMP engine against Net-SNMP's agent: both libraries give the same answers and the same reasons."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from peers.ports import free_port
from peers.snmpd import snmpd
from peers.sockets import opened
from pydantic import SecretStr, ValidationError

from probes import Failed, Unmeasured
from probes._engines import Engines
from probes._engines.snmp.engine import Credentials, Device, Library, Pace, SnmpEngine

SYSTEM = "1.3.6.1.2.1.1"
NAME, UPTIME, OBJECT_ID, NOTHING = f"{SYSTEM}.5.0", f"{SYSTEM}.3.0", f"{SYSTEM}.2.0", f"{SYSTEM}.99.0"
IF_DESCR = "1.3.6.1.2.1.2.2.1.2"
OR_UPTIME = "1.3.6.1.2.1.1.9.1.4"

HASHES = ("MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
CIPHERS = {
    "DES": "DES",
    "AES": "AES",
    "AES-192": "AES-192",
    "AES-256": "AES-256",
    "AES-192-cisco": "AES-192-C",
    "AES-256-cisco": "AES-256-C",
}
"""Ours: Net-SNMP's name."""


def user_name(authentication: str, privacy: str = "none") -> str:
    return f"{authentication}_{privacy}"


def configuration() -> str:
    lines = ["sysName desk", "createUser plain", "rouser plain noauth"]
    for authentication in HASHES:
        name = user_name(authentication)
        lines += [f"createUser {name} {authentication} passphrase-a", f"rouser {name} auth"]
    for authentication, (ours, theirs) in product(HASHES, CIPHERS.items()):
        name = user_name(authentication, ours)
        lines += [f"createUser {name} {authentication} passphrase-a {theirs} passphrase-p", f"rouser {name} priv"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpd(tmp_path_factory.mktemp("snmpd"), configuration()) as port:
        yield port


@pytest.fixture(params=["gufo", "pysnmp"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[SnmpEngine]:
    library: Library = request.param
    if library == "gufo":
        pytest.importorskip("gufo.snmp", exc_type=ImportError)
    made = SnmpEngine(library)
    yield made
    made.close()


def by_community(port: int, version: str = "2c", address: str = "127.0.0.1", community: str = "public") -> Device:
    return Device(address, port, Credentials(version=version, community=SecretStr(community)))


def by_user(port: int, user: str, **settings: Any) -> Device:
    for of, passphrase in (("authentication", "passphrase-a"), ("privacy", "passphrase-p")):
        if of in settings:
            settings.setdefault(f"{of}_passphrase", passphrase)
    secret = {name: SecretStr(value) if name.endswith("passphrase") else value for name, value in settings.items()}
    return Device("127.0.0.1", port, Credentials(version="3", user=user, **secret))


async def failure(engine: SnmpEngine, device: Device, timeout: float = 60) -> Failed:
    with pytest.raises(Failed) as caught:
        await engine.get(device, [NAME], timeout)
    return caught.value


@pytest.mark.parametrize("version", ["1", "2c"])
class TestAnAgentThatKnowsUs:
    async def test_gives_values_and_says_what_it_does_not_have(
        self, engine: SnmpEngine, agent: int, version: str
    ) -> None:
        found = await engine.get(by_community(agent, version), [NAME, NOTHING, OBJECT_ID, UPTIME], 60)
        assert list(found) == [NAME, NOTHING, OBJECT_ID, UPTIME]
        assert found[NAME] == b"desk"
        assert found[NOTHING] is None
        assert found[OBJECT_ID] == "1.3.6.1.4.1.8072.3.2.10"
        assert isinstance(found[UPTIME], int)

    async def test_gives_nothing_but_what_is_absent(self, engine: SnmpEngine, agent: int, version: str) -> None:
        assert await engine.get(by_community(agent, version), [NOTHING], 60) == {NOTHING: None}
        assert await engine.get(by_community(agent, version), [], 60) == {}

    async def test_gives_more_instances_than_fit_one_request(
        self, engine: SnmpEngine, agent: int, version: str
    ) -> None:
        asked = [f"{OR_UPTIME}.{number}" for number in range(1, 60)]
        walked = (await engine.walk(by_community(agent, version), OR_UPTIME, timeout=60))[OR_UPTIME].rows
        found = await engine.get(by_community(agent, version), asked, 60)
        assert {oid.rpartition(".")[2]: value for oid, value in found.items() if value is not None} == walked
        assert len(found) == 59

    async def test_gives_columns_by_index(self, engine: SnmpEngine, agent: int, version: str) -> None:
        columns = await engine.walk(by_community(agent, version), IF_DESCR, SYSTEM, "1.3.6.1.9", timeout=60)
        assert columns[IF_DESCR].rows["1"] == b"lo"
        assert columns[SYSTEM].rows["5.0"] == b"desk"
        assert columns["1.3.6.1.9"].rows == {}
        assert {walk.stopped for walk in columns.values()} == {""}

    async def test_gives_the_same_table_to_both_libraries(self, agent: int, version: str, engine: SnmpEngine) -> None:
        other = SnmpEngine("pysnmp")
        tables = [await each.walk(by_community(agent, version), OR_UPTIME, timeout=60) for each in (engine, other)]
        other.close()
        assert tables[0] == tables[1]

    async def test_gives_the_instance_that_follows(self, engine: SnmpEngine, agent: int, version: str) -> None:
        device = by_community(agent, version)
        assert await engine.getnext(device, f"{SYSTEM}.5", 60) == (NAME, b"desk")
        assert await engine.getnext(device, "2.5", 60) is None

    async def test_is_not_read_beyond_the_limit(self, engine: SnmpEngine, agent: int, version: str) -> None:
        walk = (await engine.walk(by_community(agent, version), SYSTEM, timeout=10, most=5))[SYSTEM]
        assert (len(walk.rows), walk.stopped) == (5, "limit")

    async def test_answers_over_ipv6(self, engine: SnmpEngine, agent: int, version: str) -> None:
        assert await engine.get(by_community(agent, version, "::1"), [NAME], 60) == {NAME: b"desk"}

    async def test_is_asked_one_thing_at_a_time(self, engine: SnmpEngine, agent: int, version: str) -> None:
        device = by_community(agent, version)
        found = await asyncio.gather(*(engine.get(device, [NAME], 60) for _ in range(20)))
        assert found == [{NAME: b"desk"}] * 20


@pytest.mark.parametrize("authentication", HASHES)
@pytest.mark.parametrize("privacy", ["none", *CIPHERS])
async def test_a_user_is_let_in_with_every_hash_and_cipher(agent: int, authentication: str, privacy: str) -> None:
    engine = SnmpEngine()
    levels = {"authentication": authentication} | ({} if privacy == "none" else {"privacy": privacy})
    device = by_user(agent, user_name(authentication, privacy), **levels)
    assert await engine.get(device, [NAME, NOTHING], 60) == {NAME: b"desk", NOTHING: None}
    walk = (await engine.walk(device, IF_DESCR, timeout=60))[IF_DESCR]
    assert walk.rows["1"] == b"lo"
    engine.close()


async def test_a_user_without_passphrases_is_let_in(engine: SnmpEngine, agent: int) -> None:
    assert await engine.get(by_user(agent, "plain"), [NAME], 60) == {NAME: b"desk"}


async def test_a_device_is_asked_for_its_identity_once(agent: int) -> None:
    engine = SnmpEngine()
    counted = "1.3.6.1.6.3.15.1.1.4.0"  # usmStatsUnknownEngineIDs counts the discoveries
    device = by_user(agent, "SHA_none", authentication="SHA")
    before = (await engine.get(device, [counted], 60))[counted]
    for _ in range(3):
        assert await engine.get(device, [counted], 60) == {counted: before}
    engine.close()


async def test_a_device_that_became_another_is_asked_for_its_identity_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    engine = SnmpEngine()
    with snmpd(tmp_path_factory.mktemp("first"), configuration()) as port:
        device = by_user(port, "SHA_AES", authentication="SHA", privacy="AES")
        assert await engine.get(device, [NAME], 60) == {NAME: b"desk"}
    with snmpd(tmp_path_factory.mktemp("second"), configuration(), port):
        assert await engine.get(device, [NAME], 60) == {NAME: b"desk"}
    engine.close()


async def test_a_device_that_restarted_is_told_the_new_time(tmp_path: Path) -> None:
    engine = SnmpEngine()
    device = by_user(free_port(), "SHA_AES", authentication="SHA", privacy="AES")
    for _ in range(2):
        with snmpd(tmp_path, configuration(), device.port):
            assert await engine.get(device, [NAME], 60) == {NAME: b"desk"}
    engine.close()


class TestCredentialsThatAreWrong:
    async def test_community_is_met_with_silence(self, engine: SnmpEngine, agent: int) -> None:
        error = await failure(engine, by_community(agent, community="wrong"), 0.4)
        assert error.reason == "no_answer"
        assert "community" in error.detail

    async def test_user_is_not_known(self, engine: SnmpEngine, agent: int) -> None:
        error = await failure(engine, by_user(agent, "nobody", authentication="SHA"))
        assert error.reason == "auth_failed"
        assert "does not know the user" in error.detail

    async def test_authentication_passphrase_is_told(self, engine: SnmpEngine, agent: int) -> None:
        device = by_user(agent, "SHA_none", authentication="SHA", authentication_passphrase="another one")
        error = await failure(engine, device)
        assert error.reason == "auth_failed"
        assert "authentication passphrase" in error.detail
        assert "another one" not in error.detail

    async def test_hash_is_told(self, engine: SnmpEngine, agent: int) -> None:
        assert (await failure(engine, by_user(agent, "SHA_none", authentication="SHA-512"))).reason == "auth_failed"

    async def test_privacy_passphrase_is_met_with_silence_or_a_report(self, engine: SnmpEngine, agent: int) -> None:
        settings = {"authentication": "SHA", "privacy": "AES", "privacy_passphrase": "another one"}
        error = await failure(engine, by_user(agent, "SHA_AES", **settings), 1)
        assert error.reason in {"no_answer", "auth_failed"}
        assert "privacy passphrase" in error.detail

    async def test_level_is_not_offered_to_the_user(self, engine: SnmpEngine, agent: int) -> None:
        error = await failure(engine, by_user(agent, "plain", authentication="SHA"))
        assert error.reason == "auth_failed"
        assert "security level" in error.detail

    async def test_level_is_too_low_for_the_agents_rules(self, engine: SnmpEngine, agent: int) -> None:
        error = await failure(engine, by_user(agent, "SHA_AES", authentication="SHA"))
        assert error.reason == "agent_error"
        assert "authorizationError" in error.detail


@pytest.mark.parametrize("version", ["1", "2c", "3"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
class TestADeviceThatIsNotThere:
    def device(self, port: int, version: str, address: str) -> Device:
        device = by_user(port, "plain") if version == "3" else by_community(port, version)
        return device._replace(address=address)

    async def test_refuses(self, engine: SnmpEngine, version: str, address: str) -> None:
        error = await failure(engine, self.device(free_port(), version, address))
        assert error.reason == "refused"

    async def test_is_silent(self, engine: SnmpEngine, version: str, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as deaf:
            deaf.bind((address, 0))
            error = await failure(engine, self.device(deaf.getsockname()[1], version, address), 0.2)
        assert error.reason == "no_answer"


async def test_waiting_too_long_for_ones_turn_says_nothing_about_the_device(engine: SnmpEngine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        device = by_community(deaf.getsockname()[1])
        first = asyncio.create_task(engine.get(device, [NAME], 30))
        await asyncio.sleep(0)
        with pytest.raises(Unmeasured, match="overloaded"):
            await engine.get(device, [NAME], 0.1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_closing_ends_what_is_asked_and_what_will_be(engine: SnmpEngine) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        device = by_community(deaf.getsockname()[1])
        waiting = asyncio.create_task(engine.get(device, [NAME], 30))
        await asyncio.get_running_loop().sock_recv(nonblocking(deaf), 1000)
        engine.close()
        with pytest.raises(Unmeasured, match="stopping"):
            await waiting
        with pytest.raises(Unmeasured, match="stopping"):
            await engine.get(device, [NAME], 30)


def nonblocking(one: socket.socket) -> socket.socket:
    one.setblocking(False)
    return one


async def test_nothing_stays_open_after_closing(agent: int) -> None:
    before = opened()
    engine = SnmpEngine()
    for device in (by_community(agent), by_community(agent, "1"), by_user(agent, "plain")):
        await engine.get(device, [NAME], 60)
    engine.close()
    assert not opened() - before


async def test_devices_that_were_not_asked_for_longest_are_forgotten(engine: SnmpEngine) -> None:
    for number in range(1, 300):
        device = by_community(free_port(), address=f"127.0.1.{number % 250}", community=f"c{number}")
        assert (await failure(engine, device)).reason == "refused"
    assert len(engine._known) == 256


async def test_all_probes_of_a_loop_share_the_engine() -> None:
    engines = Engines()
    assert engines.snmp is engines.snmp
    engines.close()


@pytest.mark.parametrize("oid", ["", "1", ".1.3.6", "1.3.6.", "1.3.x", "3.1", "1.40", "1.3.4294967296", "sysName.0"])
async def test_what_is_no_object_identifier_is_never_asked(oid: str) -> None:
    engine = SnmpEngine()
    device = by_community(9)
    for question in (engine.get(device, [oid], 1), engine.getnext(device, oid, 1), engine.walk(device, oid, timeout=1)):
        with pytest.raises(ValueError, match=r"write it as 1\.3\.6"):
            await question


async def test_without_gufo_snmp_pysnmp_does_it_all(agent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gufo.snmp", raising=False)
    monkeypatch.setitem(sys.modules, "gufo", None)
    engine = SnmpEngine()
    assert await engine.get(by_community(agent), [NAME], 60) == {NAME: b"desk"}
    engine.close()


class TestThePace:
    def test_grows_while_answers_are_full_and_quick(self) -> None:
        assert Pace(16).after(16, quick=True).size == 32
        assert Pace(64).after(64, quick=True).size == 64

    def test_begins_with_as_many_rows_as_the_column_before_had(self) -> None:
        assert Pace(64).walked(24).size == 25
        assert Pace(64).walked(0).size == 4
        assert Pace(16, 16).walked(24).size == 16
        assert Pace(2, 2).walked(0).size == 2

    def test_tries_for_more_after_many_walks_without_trouble(self) -> None:
        pace = Pace(16, 16)
        for _ in range(99):
            pace = pace.walked(50)
        assert pace.ceiling == 16
        assert pace.walked(50) == Pace(32, 32)

    def test_stays_when_answers_are_slow(self) -> None:
        assert Pace(16).after(16, quick=False) == Pace(16)

    def test_follows_what_the_device_cuts_short(self) -> None:
        assert Pace(32).after(11, quick=True).size == 11
        assert Pace(32).after(0, quick=True).size == 1

    def test_halves_for_good_where_the_device_gives_up(self) -> None:
        slow = Pace(32).refused()
        assert slow == Pace(16, 16)
        assert slow.after(16, quick=True) == slow
        assert Pace(1, 1).refused() == Pace(1, 1)


class TestCredentials:
    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({}, "needs a community"),
            ({"version": "1", "user": "u", "community": SecretStr("c")}, "knows no users"),
            ({"version": "3"}, "needs a user"),
            ({"version": "3", "user": "u", "community": SecretStr("c")}, "has no community"),
            ({"version": "3", "user": "u", "privacy": "AES"}, "privacy needs authentication"),
            ({"version": "3", "user": "u", "authentication": "SHA"}, "need each other"),
            ({"version": "3", "user": "u", "authentication_passphrase": SecretStr("12345678")}, "need each other"),
            (
                {
                    "version": "3",
                    "user": "u",
                    "authentication": "SHA",
                    "authentication_passphrase": SecretStr("1234567"),
                },
                "shorter than 8",
            ),
        ],
    )
    def test_say_what_is_missing(self, settings: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words) as caught:
            Credentials(**settings)
        assert "1234567" not in str(caught.value)

    def test_never_show_secrets(self) -> None:
        assert "hush" not in repr(Credentials(community=SecretStr("hush")))
