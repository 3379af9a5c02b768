"""What a controller's view means: for the network that members use, its access points, channels and RADIUS."""

from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from alerting.rules import Rule, State, step
from monitor.config.rules import proposed
from probes import Failed, Measured, Reading, Sample, Status, load
from probes._engines.inventory import LEARNS, MOST, Inventory
from probes._engines.memory import Memory
from probes._engines.wifi import AccessPoint, Radio, Radius, Ssid, View, WifiParams, judged

CHECK = "members-wifi/controller"
MEMBERS = WifiParams(ssid="Members")
POINTS = ("Lobby", "Loft", "Attic", "Cellar", "Garden", "Kitchen")


def house(*offline: str, **changes: Any) -> View:
    """Six access points that carry the network of members."""
    points = tuple(AccessPoint(name, name not in offline) for name in POINTS)
    view = View(ssids=(Ssid("Members", True, 31, 12), Ssid("Printers", True, 4)), access_points=points, clients=35)
    return view._replace(**changes)


def learned(*names: str) -> Memory:
    """The memory of a check that has seen these for long."""
    memory, now = Memory(), datetime.now(UTC)
    memory.keep(CHECK, Inventory().after(names, now - 2 * LEARNS).after(names, now - LEARNS / 2).memory)
    return memory


def shown(view: View, params: WifiParams = MEMBERS, memory: Memory | None = None) -> Measured:
    return judged(view, params, memory or Memory(), CHECK)


def failure(view: View, params: WifiParams = MEMBERS, memory: Memory | None = None) -> Failed:
    with pytest.raises(Failed) as caught:
        shown(view, params, memory)
    return caught.value


def figures(found: Measured | Failed, metric: str) -> dict[str, float]:
    return {sample.part: sample.value for sample in found.samples if sample.metric == f"deskwatch_wifi_{metric}"}


class TestTheNetwork:
    def test_is_up_when_it_is_on(self) -> None:
        found = shown(house())
        assert found.detail == "31 devices are on Members; 6 of 6 access points are online"
        assert figures(found, "ssid_clients") == {"Members": 31, "Printers": 4}
        assert figures(found, "ssid_enabled") == {"Members": 1, "Printers": 1}
        assert figures(found, "ssid_radios") == {"Members": 12}
        assert figures(found, "clients") == {"": 35}

    def test_is_down_when_the_controller_does_not_know_it(self) -> None:
        found = failure(house(), WifiParams(ssid="Member"))
        assert found.reason == "ssid_missing"
        assert found.detail.startswith(
            "there is no network Member: members have no Wi-Fi; 35 devices are on the Wi-Fi; 6 of 6"
        )

    def test_is_down_when_it_is_switched_off(self) -> None:
        found = failure(house(ssids=(Ssid("Members", enabled=False, clients=0),)))
        assert (found.reason, found.detail.partition(":")[0]) == (
            "ssid_disabled",
            "the network Members is switched off",
        )
        assert figures(found, "ssid_enabled") == {"Members": 0}

    def test_is_down_when_no_radio_broadcasts_it(self) -> None:
        found = failure(house(ssids=(Ssid("Members", True, 0, 0),)))
        assert (found.reason, found.detail.partition(":")[0]) == (
            "ssid_silent",
            "no radio broadcasts the network Members",
        )

    def test_is_not_missed_where_networks_are_not_told(self) -> None:
        found = shown(View(listed=False, named=False, online=3, total=3))
        assert found.detail == "3 of 3 access points are online; which networks there are is not told"

    def test_is_any_when_the_settings_name_none(self) -> None:
        assert shown(house(ssids=()), WifiParams()).detail.startswith("35 devices are on the Wi-Fi")

    def test_counts_once_when_it_is_listed_for_each_radio(self) -> None:
        rows = (Ssid("Members", None, 4, 1), Ssid("Members", False, 14, 0), Ssid("Members", True), Ssid("", True, 9))
        found = shown(house(ssids=rows))
        assert figures(found, "ssid_clients") == {"Members": 18}
        assert figures(found, "ssid_radios") == {"Members": 1}
        assert figures(found, "ssid_enabled") == {"Members": 1}

    def test_is_found_by_a_name_with_characters_that_labels_cannot_have(self) -> None:
        params = WifiParams(ssid="Caf\x07é")
        assert figures(shown(house(ssids=(Ssid("Caf\x07é", True, 2),)), params), "ssid_clients") == {"Caf\ufffdé": 2}

    @pytest.mark.parametrize(("role", "who"), [("guest", "guests"), ("operations", "devices of the house, like")])
    def test_of_others_says_who_is_without_it(self, role: Literal["guest", "operations"], who: str) -> None:
        assert f"there is no network Lost: {who}" in failure(house(), WifiParams(ssid="Lost", role=role)).detail


class TestAccessPoints:
    def test_that_are_offline_are_named_first(self) -> None:
        points = (*house().access_points[1:], AccessPoint("Lobby", online=False, state="heartbeat missed"))
        found = shown(house(access_points=points))
        assert found.detail.startswith("offline: Lobby (heartbeat missed); 31 devices")
        assert figures(found, "access_point_up")["Lobby"] == 0
        assert figures(found, "access_points") == {"online": 5, "offline": 1, "missing": 0}

    def test_are_down_when_too_many_are_offline(self) -> None:
        found = failure(house("Lobby", "Loft"))
        assert found.reason == "access_points_down"
        assert found.detail.startswith("2 of 6 access points are offline or have vanished; offline: Lobby, Loft; ")

    def test_are_not_down_for_one_of_a_few(self) -> None:
        assert shown(house("Lobby", access_points=house("Lobby").access_points[:3]))

    def test_are_down_when_the_only_one_is_offline(self) -> None:
        assert failure(house(access_points=(AccessPoint("Lobby", online=False),))).reason == "access_points_down"

    def test_are_not_down_below_the_share_of_the_settings(self) -> None:
        assert shown(house("Lobby", "Loft"), WifiParams(offline_share=0.5))
        assert failure(house("Lobby", "Loft", "Attic"), WifiParams(offline_share=0.5))

    def test_that_were_learned_and_have_vanished_are_a_finding_and_not_zero(self) -> None:
        found = shown(house(access_points=house().access_points[1:]), memory=learned(*POINTS))
        assert found.detail.startswith("vanished: Lobby; 31 devices are on Members; 5 of 6")
        assert figures(found, "access_point_up")["Lobby"] == 0
        assert figures(found, "access_points") == {"online": 5, "offline": 0, "missing": 1}

    def test_are_down_when_all_that_were_learned_have_vanished(self) -> None:
        found = failure(house(access_points=()), memory=learned(*POINTS))
        assert found.reason == "access_points_down"
        assert "vanished: Attic, Cellar, Garden and 3 more" in found.detail

    def test_that_are_declared_are_missed_at_once(self) -> None:
        found = shown(house(), WifiParams(access_points=(*POINTS, "Roof")))
        assert found.detail.startswith("vanished: Roof; ")
        assert figures(found, "access_points") == {"online": 6, "offline": 0, "missing": 1}

    def test_that_were_learned_are_not_missed_when_others_are_declared(self) -> None:
        assert "vanished" not in shown(house(), WifiParams(access_points=POINTS), learned("Old")).detail

    def test_that_are_back_are_online_again(self) -> None:
        memory = learned(*POINTS)
        shown(house(access_points=house().access_points[1:]), memory=memory)
        found = shown(house(), memory=memory)
        assert figures(found, "access_points") == {"online": 6, "offline": 0, "missing": 0}
        assert figures(found, "access_point_up")["Lobby"] == 1

    def test_are_not_learned_from_a_question_on_demand(self) -> None:
        memory = Memory()
        judged(house(), MEMBERS, memory, "")
        assert memory.recall("") == {}

    def test_that_are_only_counted_are_judged_by_their_number(self) -> None:
        counted = View(listed=False, named=False, online=4, total=8, clients=6)
        found = failure(counted)
        assert found.reason == "access_points_down"
        assert figures(found, "access_points") == {"online": 4, "offline": 4}

    def test_that_are_more_than_registered_are_all_online(self) -> None:
        found = shown(View(listed=False, named=False, online=9, total=8), WifiParams())
        assert figures(found, "access_points") == {"online": 9, "offline": 0}

    def test_that_are_declared_but_not_listed_are_said_to_be_unknown(self) -> None:
        params = WifiParams(access_points=("Lobby",))
        assert (
            "which access points there are is not told" in shown(View(listed=False, online=4, total=4), params).detail
        )

    def test_with_the_same_name_are_told_apart(self) -> None:
        points = (AccessPoint("U6", True), AccessPoint("U6", False), AccessPoint("U6 #2", True), AccessPoint("", True))
        found = shown(house(access_points=points))
        assert figures(found, "access_point_up") == {"U6": 1, "U6 #2": 0, "U6 #2 #2": 1, "unnamed": 1}

    def test_have_bounded_and_printable_names(self) -> None:
        found = shown(house(access_points=(AccessPoint("x\n" * 99, online=True),)))
        assert list(figures(found, "access_point_up")) == ["x\ufffd" * 32]

    def test_are_looked_at_up_to_a_number(self) -> None:
        points = tuple(AccessPoint(f"ap-{number}", online=True) for number in range(MOST + 5))
        assert len(figures(shown(house(access_points=points)), "access_point_up")) == MOST


class TestRadios:
    def test_show_channel_and_how_busy_it_is(self) -> None:
        radios = (Radio("Lobby 5 GHz", "5", 36, 0.61, 12, True), Radio("Lobby 2.4 GHz", "2.4", 6, 0.7))
        found = shown(house(radios=radios))
        assert found.detail.startswith("busy channels: Lobby 5 GHz (61 %); ")
        assert figures(found, "channel") == {"Lobby 5 GHz": 36, "Lobby 2.4 GHz": 6}
        assert figures(found, "channel_utilization_ratio") == {"Lobby 5 GHz": 0.61, "Lobby 2.4 GHz": 0.7}
        assert figures(found, "radio_clients") == {"Lobby 5 GHz": 12}
        assert figures(found, "radio_up") == {"Lobby 5 GHz": 1}


class TestRadius:
    def test_shows_which_share_of_requests_it_did_not_answer_since_the_last_look(self) -> None:
        memory = Memory()
        first = shown(house(radius=(Radius("192.0.2.5:1812", 1000, 10),)), memory=memory)
        assert figures(first, "radius_requests_total") == {"192.0.2.5:1812": 1000}
        assert figures(first, "radius_timeouts_total") == {"192.0.2.5:1812": 10}
        assert figures(first, "radius_unanswered_ratio") == {}
        second = shown(house(radius=(Radius("192.0.2.5:1812", 1040, 20),)), memory=memory)
        assert figures(second, "radius_unanswered_ratio") == {"192.0.2.5:1812": 0.25}

    @pytest.mark.parametrize(("requests", "timeouts"), [(1000, 10), (3, 0), (1001, 9)])
    def test_shows_no_share_when_nothing_was_asked_or_the_controller_began_anew(
        self, requests: int, timeouts: int
    ) -> None:
        memory = Memory()
        shown(house(radius=(Radius("a", 1000, 10),)), memory=memory)
        found = shown(house(radius=(Radius("a", requests, timeouts),)), memory=memory)
        assert figures(found, "radius_unanswered_ratio") == {}

    def test_that_is_tried_several_times_is_never_silent_beyond_all(self) -> None:
        memory = Memory()
        shown(house(radius=(Radius("a", 0, 0),)), memory=memory)
        found = shown(house(radius=(Radius("a", 4, 12),)), memory=memory)
        assert figures(found, "radius_unanswered_ratio") == {"a": 1}


def test_a_controller_that_tells_nothing_answers() -> None:
    assert shown(View(listed=False), WifiParams()).detail == "the controller answers"


class TestTheRuleOfADesertedNetwork:
    RULE: Rule = proposed(load("wifi.snmp")).known["deserted"]

    def fires(self, clients: float, usual: float | None) -> bool:
        state = State()
        for minute in range(3):
            at = datetime(2026, 8, 3, 12, minute, tzinfo=UTC)
            sample = Sample("deskwatch_wifi_ssid_clients", clients, "Members")
            reading = Reading(CHECK, at, 0.1, Status.UP, "ok", "", (sample,))
            state = step(self.RULE, state, reading, at, lambda: "episode", lambda metric, part: usual).state
        return state.episode is not None

    def test_fires_when_nobody_is_there_though_there_usually_are_some(self) -> None:
        assert self.fires(0, usual=5)
        assert self.fires(1, usual=40)

    def test_does_not_fire_at_an_hour_at_which_few_are_there(self) -> None:
        assert not self.fires(0, usual=4.5)
        assert not self.fires(0, usual=0)
        assert not self.fires(0, usual=None)

    def test_does_not_fire_while_some_are_there(self) -> None:
        assert not self.fires(1, usual=5)
        assert not self.fires(4, usual=40)

    def test_is_only_shown_while_the_site_is_closed(self) -> None:
        assert (self.RULE.severity, self.RULE.closed) == ("critical", "info")
