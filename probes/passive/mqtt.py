"""Listens to what sensors publish over MQTT: whether each still does, what it measures, and how full its battery is."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import jsonpath
from pydantic import AfterValidator, Field, model_validator

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.excerpt import excerpt
from probes._engines.json_paths import JsonPath
from probes._engines.matching import Regex, limited
from probes._engines.mqtt import LONGEST_TOPIC, MOST_TOPICS, Broker, Connection, Feed, Heard, matched
from probes._engines.mqtt_packets import MOST_KEPT
from probes._engines.resolve import Host
from probes._engines.trust import CaFile, TlsVerify
from probes._secrets import Secret

AHEAD = timedelta(minutes=5)
"""How far a sensor's clock may be ahead of ours."""

_NAMED = 5  # sensors that a sentence names
_MILLISECONDS = 1e11  # a time since 1970 that is larger than this is not meant in seconds
_FAULTS = ("offline", "stale", "never", "unreadable")  # of several faults, the first of these is told


def _topic(topic: str) -> str:
    if "\0" in topic or any("+" in level and level != "+" for level in topic.split("/")):
        raise ValueError("a + stands for a whole level of a topic: sensors/+/state")
    if "#" in topic:
        raise ValueError("# is not understood; write a + for each level that differs")
    return topic


class MqttParams(Params):
    """The broker, the sensors' topics, and where in a message things stand."""

    host: Annotated[Host, Field(description="host name or address of the broker")]
    port: Annotated[int | None, Field(ge=1, le=65_535, description="TCP port; 1883, or 8883 with tls, if not set")] = (
        None
    )
    tls: Annotated[bool, Field(description="speak TLS")] = False
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""
    username: Annotated[str, Field(max_length=1000, description="name to sign in with")] = ""
    password: Annotated[
        Annotated[Secret, Field(max_length=1000)] | None, Field(description="password to sign in with, as a reference")
    ] = None
    topic: Annotated[
        Annotated[str, AfterValidator(_topic)],
        Field(
            min_length=1,
            max_length=LONGEST_TOPIC,
            description="topic to listen to; each + in it stands for a sensor's name",
        ),
    ]
    max_age: Annotated[
        float,
        Field(ge=1, le=31_622_400, description="seconds without a message after which a sensor is silent"),
    ]
    sensors: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_TOPIC)], ...],
        Field(max_length=MOST_TOPICS, description="names that must be among those that + stands for"),
    ] = ()
    value: Annotated[JsonPath | None, Field(max_length=1000, description="JSONPath of the value that is measured")] = (
        None
    )
    battery: Annotated[JsonPath | None, Field(max_length=1000, description="JSONPath of the battery's charge")] = None
    battery_full: Annotated[float, Field(gt=0, description="what a full battery says: 100, or 1")] = 100
    time: Annotated[
        JsonPath | None, Field(max_length=1000, description="JSONPath of when it was measured: ISO 8601, or since 1970")
    ] = None
    offline: Annotated[
        Regex | None, Field(max_length=1000, description="pattern of a whole message that says that a sensor is gone")
    ] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sensors and "+" not in self.topic.split("/"):
            raise ValueError("sensors are what a + in the topic stands for, and this one has none")
        if self.password is not None and not self.username:
            raise ValueError("a password needs a username")
        return self

    @property
    def broker(self) -> Broker:
        """Where to listen, and how to get in."""
        port = self.port or (8883 if self.tls else 1883)
        return Broker(self.host, port, self.tls, self.tls_verify, self.ca_file, self.username, self.password)

    @property
    def target(self) -> str:
        """The broker's host and port."""
        return str(self.broker)


class Mqtt(Probe[MqttParams]):
    """Whether sensors still publish over MQTT, what they measure, and how full their batteries are."""

    Params = MqttParams
    metrics = (
        Metric("deskwatch_sensor_age_seconds", "Time since the sensor measured", "seconds", "sensor"),
        Metric("deskwatch_sensor_value", "What the sensor measured, in its own unit", "", "sensor"),
        Metric("deskwatch_sensor_battery_ratio", "Charge of the sensor's battery, from 0 to 1", "ratio", "sensor"),
    )
    reasons: ClassVar[dict[str, str]] = {
        "stale": "the sensor has been silent for longer than max_age",
        "never": "nothing was heard from the sensor for max_age, since Deskwatch listens",
        "offline": "the sensor, or the broker on its behalf, says that it is gone",
        "unreadable": "the sensor's newest message does not hold what was expected",
    }
    rules = (
        DefaultRule(
            "battery-low",
            "deskwatch_sensor_battery_ratio",
            "has a battery that should be changed soon",
            below=0.2,
            clear=0.25,
        ),
        DefaultRule(
            "battery-empty",
            "deskwatch_sensor_battery_ratio",
            "has a battery that is about to be empty",
            "critical",
            below=0.05,
            clear=0.1,
        ),
    )
    on_demand = False

    def __init__(self, params: MqttParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._look = Look.at(params)
        self._listening: tuple[Connection, Feed] | None = None

    async def measure(self, timeout: float) -> Measured:
        """Look at what was heard; the first run begins to listen, and waits for what the broker had kept."""
        if self._listening is None or self._listening[0].over:
            self._listening = self.engines.mqtt.listen(self.params.broker, self.params.topic)
        connection, feed = self._listening
        await connection.settled(timeout)
        with limited():
            return judge(feed, self.params, self._look, datetime.now(UTC))


Path = jsonpath.JSONPath | jsonpath.CompoundJSONPath


class Look(NamedTuple):
    """Where in a message things stand, compiled."""

    value: Path | None
    battery: Path | None
    time: Path | None

    @classmethod
    def at(cls, params: MqttParams) -> "Look":
        """The settings' paths."""
        paths = (params.value, params.battery, params.time)
        return cls(*(None if path is None else jsonpath.compile(path) for path in paths))


class Said(NamedTuple):
    """What a message holds; None for what was not asked for, or a battery that it does not mention."""

    value: float | None = None
    battery: float | None = None
    at: datetime | None = None


class Finding(NamedTuple):
    """What is known of one sensor: "fresh", "waiting" or a reason for which it failed, a sentence and figures."""

    sensor: str
    verdict: str
    words: str
    samples: tuple[Sample, ...] = ()


class _Unreadable(Exception):  # noqa: N818 - never leaves this module
    pass


def judge(feed: Feed, params: MqttParams, look: Look, now: datetime) -> Measured:
    """The reading that stands for what was heard.

    Raises Failed when a sensor is silent, gone or talks nonsense, Unmeasured while it may yet speak, or when the broker
    does not let us listen.
    """
    since = _listening_since(feed, params)
    findings = [_finding(sensor, heard, params, look, since, now) for sensor, heard in _sensors(feed, params)]
    samples = tuple(sample for finding in findings for sample in finding.samples)
    for reason in _FAULTS:
        if failed := [finding for finding in findings if finding.verdict == reason]:
            raise Failed(reason, _sentence(failed, len(findings)), samples)
    if waiting := [finding for finding in findings if finding.verdict == "waiting"]:
        raise Unmeasured("waiting", _sentence(waiting, len(findings)))
    if len(findings) == 1:
        return Measured(_named(findings[0]), samples)
    ages = [sample.value for sample in samples if sample.metric == "deskwatch_sensor_age_seconds"]
    return Measured(f"all {len(findings)} sensors were heard, the last {_length(max(ages))} ago", samples)


def _listening_since(feed: Feed, params: MqttParams) -> datetime:
    """Since when nothing can have escaped us."""
    if feed.denied:
        words = f"the broker does not let us listen to {params.topic}; change its access rules, or the username"
        raise Unmeasured("no_permission", words)
    if feed.crowded:
        words = f"{params.topic} matches more than {MOST_TOPICS} topics; write more checks with fewer each"
        raise Unmeasured("no_source", words)
    if feed.since is None:
        raise Unmeasured("no_source", "the broker has not confirmed yet that it passes on messages")
    return feed.since


def _sensors(feed: Feed, params: MqttParams) -> Iterator[tuple[str, Heard | None]]:
    """All that were heard or should be, in order; a topic without + has one sensor without a name."""
    heard = {matched(params.topic, topic) or "": one for topic, one in feed.heard.items()}
    missing: Mapping[str, Heard | None] = dict.fromkeys(params.sensors or (() if heard else ("",)))
    both = {**missing, **heard}
    for sensor in sorted(both):
        yield sensor, both[sensor]


def _finding(
    sensor: str, heard: Heard | None, params: MqttParams, look: Look, since: datetime, now: datetime
) -> Finding:
    if heard is None:
        return _silent(sensor, None, params, since, now)
    if params.offline is not None and re.fullmatch(params.offline, heard.payload.decode(errors="replace")):
        return Finding(sensor, "offline", f"is reported gone: {excerpt(heard.payload.decode(errors='replace'))}")
    try:
        said = _said(heard, look, params.battery_full)
        at = _measured_at(heard, said, look, now)
    except _Unreadable as error:
        return Finding(sensor, "unreadable", str(error))
    if at is None or now - at > timedelta(seconds=params.max_age):
        return _silent(sensor, at, params, since, now)
    return Finding(sensor, "fresh", _report(said, now - at), tuple(_samples(sensor, said, now - at)))


def _silent(sensor: str, at: datetime | None, params: MqttParams, since: datetime, now: datetime) -> Finding:
    """A sensor that was not heard in time; while we listen for less than `max_age`, it may be we who missed it."""
    samples = () if at is None else (_age(sensor, now - at),)
    last = "was not heard yet" if at is None else f"was last heard {_length((now - at).total_seconds())} ago"
    left = since + timedelta(seconds=params.max_age) - now
    if left >= timedelta(0):
        return Finding(sensor, "waiting", f"{last}; it is awaited for another {_length(left.total_seconds())}", samples)
    return Finding(sensor, "never" if at is None else "stale", last, samples)


def _measured_at(heard: Heard, said: Said, look: Look, now: datetime) -> datetime | None:
    """When a sensor measured: what its message says, else when that came, None if the broker had kept it."""
    if look.time is None:
        return heard.live
    if said.at is None:
        raise _Unreadable(f"has sent a message without a time at {look.time}: {_excerpt(heard)}")
    if said.at > now + AHEAD:
        raise _Unreadable(f"has a clock that is {_length((said.at - now).total_seconds())} ahead")
    return min(said.at, now)


def _said(heard: Heard, look: Look, battery_full: float) -> Said:
    """What a message holds. Raises _Unreadable."""
    if look == Look(None, None, None):
        return Said()
    if heard.cut:
        raise _Unreadable(f"has sent a message of more than {MOST_KEPT // 1024} KiB")
    try:
        document = json.loads(heard.payload)
        value, battery, at = (None if path is None else _first(path, document) for path in look)
    except (ValueError, RecursionError, jsonpath.JSONPathError):
        raise _Unreadable(f"has sent what is not JSON: {_excerpt(heard)}") from None
    number, charge = _number(value), _number(battery)
    if look.value is not None and number is None:
        raise _Unreadable(f"has sent a message without a number at {look.value}: {_excerpt(heard)}")
    return Said(number, None if charge is None else charge / battery_full, _time(at))


def _first(path: Path, document: Any) -> Any:
    return next(iter(path.findall(document)), None)


def _number(value: Any) -> float | None:
    """A number, also as a text; true is 1."""
    if not isinstance(value, (bool, int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _time(value: Any) -> datetime | None:
    """A time as devices write it: seconds or milliseconds since 1970, or ISO 8601, in UTC if it names no zone."""
    if isinstance(value, bool):
        return None
    number = _number(value)
    try:
        if number is not None:
            return datetime.fromtimestamp(number / 1000 if abs(number) > _MILLISECONDS else number, UTC)
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _samples(sensor: str, said: Said, age: timedelta) -> Iterator[Sample]:
    yield _age(sensor, age)
    if said.value is not None:
        yield Sample("deskwatch_sensor_value", said.value, sensor)
    if said.battery is not None:
        yield Sample("deskwatch_sensor_battery_ratio", said.battery, sensor)


def _age(sensor: str, age: timedelta) -> Sample:
    return Sample("deskwatch_sensor_age_seconds", age.total_seconds(), sensor)


def _report(said: Said, age: timedelta) -> str:
    value = "" if said.value is None else f": {said.value:g}"
    battery = "" if said.battery is None else f", battery at {said.battery:.0%}"
    return f"was heard {_length(age.total_seconds())} ago{value}{battery}"


def _sentence(findings: Sequence[Finding], of: int) -> str:
    """What is wrong with some of the sensors, the first of them by name."""
    if of == 1:
        return _named(findings[0])
    further = len(findings) - _NAMED
    words = "; ".join(_named(finding) for finding in findings[:_NAMED])
    more = f"; and {further} more" if further > 0 else ""
    return f"{len(findings)} of {of} sensors: {words}{more}"


def _named(finding: Finding) -> str:
    return f"{finding.sensor or 'the sensor'} {finding.words}"


def _excerpt(heard: Heard) -> str:
    return excerpt(heard.payload.decode(errors="replace"))


def _length(seconds: float) -> str:
    """A length of time as roughly as people say it."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
