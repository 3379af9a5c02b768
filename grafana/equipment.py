"""What everything hangs on: switches, power, printers and other devices."""

from grafana.board import Board, Row, details
from grafana.panels import NONE_IS_GOOD, bars, figures, lines, states
from grafana.promql import ask

_AREA = r"equipment\..*"


def board() -> Board:
    """The dashboard."""
    rows = (_now(), _network(), _power(), _printers(), _devices())
    return Board(
        name="equipment",
        title="Equipment",
        description="Switch ports, power, printers and devices, and which of them will need somebody soon.",
        rows=(*rows, *details(_AREA, rows)),
        kinds="equipment.*",
    )


def _now() -> Row:
    return Row(
        "Now",
        (
            figures(
                "Links down", ask("count(deskwatch_interface_up) - sum(deskwatch_interface_up)"), limits=NONE_IS_GOOD
            ),
            figures("On battery", ask("sum(deskwatch_ups_on_battery)"), limits=NONE_IS_GOOD),
            figures("Battery would last", ask("deskwatch_ups_runtime_seconds", "{{asset}}"), width=6),
            figures("Warnings of devices", ask("sum(deskwatch_device_sensor_warning)"), limits=NONE_IS_GOOD),
            figures("Jobs at printers", ask("deskwatch_printer_queued_jobs", "{{asset}}"), width=6),
        ),
    )


def _network() -> Row:
    return Row(
        "Network",
        (
            states("Links", ask("deskwatch_interface_up", "{{asset}} {{interface}}")),
            lines("Busiest links", ask("topk(10, deskwatch_interface_utilisation_ratio)", "{{asset}} {{interface}}")),
            lines(
                "Traffic",
                ask("topk(10, deskwatch_interface_receive_bytes_per_second)", "{{asset}} {{interface}} in"),
                ask("topk(10, deskwatch_interface_transmit_bytes_per_second)", "{{asset}} {{interface}} out"),
            ),
            lines("Errors", ask("topk(10, deskwatch_interface_errors_per_second)", "{{asset}} {{interface}}")),
            bars("PoE power in use", ask("deskwatch_poe_used_ratio", "{{asset}} {{supply}}"), width=12, most=1),
            lines(
                "Dropped packets", ask("topk(10, deskwatch_interface_discards_per_second)", "{{asset}} {{interface}}")
            ),
        ),
    )


def _power() -> Row:
    return Row(
        "Power",
        (
            states("On battery", ask("deskwatch_ups_on_battery", "{{asset}}"), width=8),
            lines("Charge", ask("deskwatch_ups_charge_ratio", "{{asset}}"), width=8),
            lines("Load", ask("deskwatch_ups_load_ratio", "{{asset}}"), width=8),
            lines("Mains", ask("deskwatch_ups_input_volts", "{{asset}}"), width=8),
            lines("Temperature of batteries", ask("deskwatch_ups_battery_celsius", "{{asset}}"), width=8),
            states("Worn-out batteries", ask("deskwatch_ups_replace_battery", "{{asset}}"), width=8),
        ),
    )


def _printers() -> Row:
    return Row(
        "Printers",
        (
            bars(
                "Emptiest supplies", ask("bottomk(15, deskwatch_printer_supply_ratio)", "{{asset}} {{supply}}"), most=1
            ),
            bars("Paper", ask("bottomk(15, deskwatch_printer_tray_ratio)", "{{asset}} {{tray}}"), most=1),
            states(
                "Problems",
                ask("deskwatch_printer_problem == 1", "{{asset}} {{problem}}"),
                width=8,
                words={1: ("reported", "orange")},
            ),
        ),
    )


def _devices() -> Row:
    return Row(
        "Devices",
        (
            lines("Processors", ask("deskwatch_device_load_ratio", "{{asset}}"), width=8),
            lines("Memory", ask("deskwatch_device_memory_used_ratio", "{{asset}}"), width=8),
            bars("Fullest disks", ask("topk(15, deskwatch_device_disk_used_ratio)", "{{asset}} {{disk}}"), most=1),
            lines("Hottest", ask("topk(10, deskwatch_device_temperature_celsius)", "{{asset}} {{sensor}}"), width=8),
            states("Warnings", ask("deskwatch_device_sensor_warning == 1", "{{asset}} {{sensor}}"), width=8),
            states("Restarts", ask("deskwatch_device_restarted", "{{asset}}"), width=8),
        ),
    )
