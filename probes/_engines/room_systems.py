"""What room systems measure alike, so that one rule and one panel suit all of them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, Field

from probes._base import DefaultRule, Metric

PERIPHERALS: Mapping[str, str] = {
    "cameras": "camera",
    "microphones": "microphone",
    "displays": "display",
    "touch_panels": "touch panel",
}
"""What can be plugged into a room system, and one of it in words."""

CONNECTED = Metric(
    "deskwatch_room_connected_peripherals",
    "How many of these the room system sees",
    "",
    "peripheral",
    tuple(PERIPHERALS),
)
REGISTERED = Metric(
    "deskwatch_room_registered",
    "1 if it is registered with this service, 0 if that failed",
    "",
    "service",
    ("webex", "sip"),
)
CALLS = Metric("deskwatch_room_calls", "Calls that are connected")
IN_USE = Metric("deskwatch_room_in_use", "1 while somebody uses the room system, else 0")
PEOPLE = Metric("deskwatch_room_people", "People that its camera counts")
PRESENCE = Metric("deskwatch_room_presence", "1 if it notices somebody in the room, else 0")
TEMPERATURE = Metric("deskwatch_room_temperature_celsius", "Temperature of the room", "celsius")
UPTIME = Metric("deskwatch_room_uptime_seconds", "Time since it was started", "seconds")

REGISTRATION_LOST = DefaultRule(
    "registration-lost", REGISTERED.name, "has lost one of its registrations", below=1, hold=300
)
"""The rule about REGISTERED."""

Number = Annotated[int | None, Field(ge=1, le=20)]
"""A setting that says how many of a peripheral there must be; None: they are not looked at."""


def expected(params: BaseModel) -> dict[str, int]:
    """How many of each peripheral there must be, by settings that are called like them."""
    numbers = {name: getattr(params, name, None) for name in PERIPHERALS}
    return {name: number for name, number in numbers.items() if number is not None}


def missing(wanted: Mapping[str, int], connected: Mapping[str, int]) -> list[str]:
    """What is not there, in words."""
    return [
        f"{connected.get(name, 0)} of {number} {PERIPHERALS[name]}{'s' if number > 1 else ''} connected"
        for name, number in wanted.items()
        if connected.get(name, 0) < number
    ]
