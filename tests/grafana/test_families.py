"""What panels take over from declarations: title, unit, colours, and the selection that a query needs."""

import pytest

from grafana import families, promql
from grafana.families import Limit


@pytest.mark.parametrize(
    ("family", "title", "unit"),
    [
        ("deskwatch_uplink_recent_loss_ratio", "Uplink recent loss", "percentunit"),
        ("deskwatch_throughput_bytes_per_second", "Throughput (rate)", "bps"),
        ("deskwatch_dhcp_offer_seconds", "DHCP offer", "s"),
        ("deskwatch_ups_input_hertz", "UPS input (hertz)", "hertz"),
        ("deskwatch_ups_input_volts", "UPS input (volts)", "volt"),
        ("deskwatch_device_fan_rpm", "Device fan", "rotrpm"),
        ("deskwatch_gateway_line_signal_dbm", "Gateway line signal", "dBm"),
        ("deskwatch_room_next_booking_timestamp_seconds", "Room next booking", "dateTimeFromNow"),
        ("deskwatch_device_energy_joules_total", "Device energy", "joule"),
        ("deskwatch_wifi_clients", "Wi-Fi clients", "short"),
        ("probe_ssl_earliest_cert_expiry", "SSL earliest cert expiry", "dateTimeFromNow"),
    ],
)
def test_title_and_unit_come_from_the_declaration(family: str, title: str, unit: str) -> None:
    found = families.find(family)
    assert (families.title(found), families.unit(found)) == (title, unit)


@pytest.mark.parametrize(
    ("family", "part", "limits"),
    [
        (
            "deskwatch_uplink_recent_loss_ratio",
            "",
            (Limit(None, "green"), Limit(0.02, "orange"), Limit(0.1, "red")),
        ),
        (
            "deskwatch_headroom_ratio",
            "",
            (Limit(None, "red"), Limit(0.25, "orange"), Limit(1, "green")),
        ),
        ("deskwatch_ups_on_battery", "", (Limit(None, "green"), Limit(0.001, "red"))),
        ("probe_dns_duration_seconds", "request", (Limit(None, "green"), Limit(0.5, "orange"))),
        ("probe_dns_duration_seconds", "", ()),
        ("deskwatch_wifi_ssid_clients", "", ()),
    ],
    ids=["above", "below", "from nothing on", "of a part", "of no part", "against what is usual"],
)
def test_colours_change_where_the_built_in_rules_begin_to_mind(
    family: str, part: str, limits: tuple[Limit, ...]
) -> None:
    assert families.limits(families.find(family), part) == limits


@pytest.mark.parametrize(
    ("query", "selected"),
    [
        ("probe_success", 'probe_success{site=~"$site", asset=~"$asset"}'),
        (
            'sum by (site) (deskwatch_room_devices{state="down"})',
            'sum by (site) (deskwatch_room_devices{site=~"$site", asset=~"$asset", state="down"})',
        ),
        ("deskwatch_ping_round_trip_seconds_bucket", 'deskwatch_ping_round_trip_seconds_bucket{site=~"$site"}'),
        ("increase(deskwatch_commits_total[5m])", 'increase(deskwatch_commits_total{instance=~"$instance"}[5m])'),
    ],
    ids=["a check", "with a matcher of its own", "of all checks of a kind", "of Deskwatch itself"],
)
def test_a_query_selects_by_the_labels_that_its_series_have(query: str, selected: str) -> None:
    assert promql.ask(query).expr == selected
