"""How SNMP agents tell of the parts of a device: sensors, outlets, processors, as tables that are read alike."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, Protocol

from probes._engines.snmp.agent import Agent, Column, words_of
from probes._engines.snmp.values import Value, integer, number

Quantity = Literal[
    "celsius",
    "humidity",
    "rpm",
    "volts",
    "amperes",
    "watts",
    "voltamperes",
    "hertz",
    "joules",
    "contact",
    "outlet",
    "processor",
    "memory",
    "storage",
    "storage_bytes",
    "disk",
    "sessions",
    "sessions_most",
    "tunnels",
    "leases",
    "state",
]
"""What a figure is of, in base units; shares are ratios from 0 to 1."""

State = Literal["ok", "warning", "critical", "hot"]
"""What the device itself says of one of its parts; hot is critical, and nothing but too hot."""

Columns = Mapping[str, Column]
"""Columns by their object."""

OK: State = "ok"
WARNING: State = "warning"
CRITICAL: State = "critical"
HOT: State = "hot"

MOST = 256
"""The most rows of a table that are read."""

_RATIOS = ("humidity", "processor", "memory")
_COLDEST, _HOTTEST = -60.0, 250.0
_STATE_WORD = re.compile(r",\s*(?:normal|green|yellow|red|warning|critical|ok)$", re.IGNORECASE)

_SENSOR, _ENTITY = "1.3.6.1.2.1.99.1.1.1", "1.3.6.1.2.1.47.1.1.1.1"
_SENSOR_VALUE, _SENSOR_CELLS = f"{_SENSOR}.4", tuple(f"{_SENSOR}.{column}" for column in (1, 2, 3, 5))
_ENTITY_NAME, _ENTITY_DESCRIPTION = f"{_ENTITY}.7", f"{_ENTITY}.2"
_ENTITY_QUANTITIES: Mapping[int, Quantity] = {
    3: "volts",
    4: "volts",
    5: "amperes",
    6: "watts",
    7: "hertz",
    8: "celsius",
    9: "humidity",
    10: "rpm",
    12: "contact",
}  # entPhySensorType
_ENTITY_STATES: Mapping[int, State] = {1: OK, 3: CRITICAL}  # entPhySensorOperStatus; 2 is "can't tell just now"
_UNITS = 9  # entPhySensorScale


class Figure(NamedTuple):
    """One figure of one part of a device."""

    quantity: Quantity
    name: str
    value: float


class Condition(NamedTuple):
    """What the device says of one of its parts."""

    name: str
    state: State


class Found(NamedTuple):
    """What tables tell."""

    figures: tuple[Figure, ...] = ()
    conditions: tuple[Condition, ...] = ()


class Readable(Protocol):
    """Columns to ask for, and what they tell."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The objects of the columns."""

    def read(self, columns: Columns) -> Found:
        """What they tell, once they are there."""


class Measure(NamedTuple):
    """A column of figures: a number times `factor`, or what `words` means by it.

    Only rows count that have a certain number in another column, where `only` names both. So does `fahrenheit`, of an
    instance that says in which unit the device shows temperatures.
    """

    column: str
    quantity: Quantity
    factor: float = 1
    words: Mapping[int, float] | None = None
    only: tuple[str, int] | None = None
    fahrenheit: tuple[str, int] | None = None

    def value(self, columns: Columns, index: str) -> float | None:
        """The figure of a row, None where there is none."""
        if self.only and columns[self.only[0]].get(index) != self.only[1]:
            return None
        given = columns[self.column].get(index)
        if self.words is not None:
            known = integer(given)
            return None if known is None else self.words.get(known)
        return plausible(self.quantity, self._base(columns, given))

    def _base(self, columns: Columns, given: Value | None) -> float | None:
        """In base units. A scalar is a column whose one row is "0"."""
        known = number(given)
        if known is None:
            return None
        scaled = known * self.factor
        if self.fahrenheit and columns[self.fahrenheit[0]].get("0") == self.fahrenheit[1]:
            return (scaled - 32) / 1.8
        return scaled


class States(NamedTuple):
    """A column that says how each row is."""

    column: str
    words: Mapping[int, State]


class Table(NamedTuple):
    """A table of parts; what has no name is called after `what` it is. Rows that are not `present` don't count."""

    what: str
    measures: tuple[Measure, ...] = ()
    names: str = ""
    states: tuple[States, ...] = ()
    present: tuple[str, int] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The objects of the columns."""
        further = (pair[0] for each in self.measures for pair in (each.only, each.fahrenheit) if pair)
        own = (*(each.column for each in self.measures), *(each.column for each in self.states))
        return tuple(dict.fromkeys((*own, *further, *filter(None, (self.names, self.present and self.present[0])))))

    def read(self, columns: Columns) -> Found:
        """What the rows tell."""
        rows = {index: self._name(columns, index) for index in self._rows(columns)}
        return Found(
            tuple(
                Figure(each.quantity, name, value)
                for each in self.measures
                for index, name in rows.items()
                if (value := each.value(columns, index)) is not None
            ),
            tuple(
                Condition(name, state)
                for index, name in rows.items()
                if (state := worst(*self._states(columns, index)))
            ),
        )

    def _rows(self, columns: Columns) -> list[str]:
        listed = (*(each.column for each in self.measures), *(each.column for each in self.states))
        rows = dict.fromkeys(index for column in listed for index in columns[column])
        if self.present is None:
            return list(rows)
        column, there = self.present
        return [index for index in rows if columns[column].get(index) == there]

    def _name(self, columns: Columns, index: str) -> str:
        given = words_of(columns[self.names], index) if self.names else ""
        return _STATE_WORD.sub("", given) or (self.what if index == "0" else f"{self.what} {index}")

    def _states(self, columns: Columns, index: str) -> Iterator[State | None]:
        for each in self.states:
            known = integer(columns[each.column].get(index))
            yield None if known is None else each.words.get(known)


class Rows(NamedTuple):
    """Tables that need more than a look at one row: `tell` is what they tell."""

    columns: tuple[str, ...]
    tell: Callable[[Columns], Found]

    def read(self, columns: Columns) -> Found:
        """What they tell, once they are there."""
        return self.tell(columns)


class Text(NamedTuple):
    """An instance that names something of the device: a text, or a number that `words` has a word for."""

    label: str
    oid: str
    words: Mapping[int, str] | None = None


class Vendor(NamedTuple):
    """What devices of one maker tell besides the standards.

    `objects` are the beginnings of their sysObjectID. Those that are `disguised` say that they are something else, and
    are looked for wherever no maker fits.
    """

    objects: tuple[str, ...]
    texts: tuple[Text, ...] = ()
    tables: tuple[Readable, ...] = ()
    disguised: bool = False


def one(oid: str, quantity: Quantity, factor: float = 1, what: str = "") -> Table:
    """A figure of the device as a whole, by its object without the ".0" of its instance."""
    return Table(what, (Measure(oid, quantity, factor),))


def together(parts: Iterable[Found]) -> Found:
    """What several tables tell, in their order."""
    known = list(parts)
    return Found(
        tuple(figure for each in known for figure in each.figures),
        tuple(condition for each in known for condition in each.conditions),
    )


def plausible(quantity: Quantity, value: float | None) -> float | None:
    """The value unless it is one of those by which devices say that they have none: -1, -999, 65535 %."""
    if value is None or not math.isfinite(value):
        return None
    least, most = (_COLDEST, _HOTTEST) if quantity == "celsius" else (0, 1 if quantity in _RATIOS else math.inf)
    return value if least <= value <= most else None


def worst(*states: State | None) -> State | None:
    """The worst of what is said, None if nothing is."""
    return next((state for state in (CRITICAL, HOT, WARNING, OK) if state in states), None)


async def entity_sensors(agent: Agent) -> Found:
    """What ENTITY-SENSOR-MIB tells; the names are those of ENTITY-MIB, whose other rows may be thousands."""
    (values,) = await agent.columns(_SENSOR_VALUE, most=MOST)
    if not values:
        return Found()
    further = await agent.columns(*_SENSOR_CELLS, most=MOST)
    names = await agent.get(
        *(f"{column}.{index}" for column in (_ENTITY_NAME, _ENTITY_DESCRIPTION) for index in values)
    )
    given = {index: _entity_name(names, index) for index in values}
    return read_entity_sensors(given, values, *further)


def read_entity_sensors(
    names: Mapping[str, str], values: Column, types: Column, scales: Column, precisions: Column, states: Column
) -> Found:
    """Sensors by the index of their entity. A scale or precision that is missing is that of whole units."""
    figures, conditions = list[Figure](), list[Condition]()
    for index, value in values.items():
        quantity = _ENTITY_QUANTITIES.get(integer(types.get(index)) or 0)
        state = _ENTITY_STATES.get(integer(states.get(index)) or 0)
        if quantity is None:
            continue
        if state:
            conditions.append(Condition(names[index], state))
        known = _scaled(quantity, integer(value), integer(scales.get(index)), integer(precisions.get(index)))
        if known is not None and state == OK:
            figures.append(Figure(quantity, names[index], known))
    return Found(tuple(figures), tuple(conditions))


def _scaled(quantity: Quantity, value: int | None, scale: int | None, precision: int | None) -> float | None:
    if value is None or not 0 <= (precision or 0) <= _UNITS:
        return None
    known = value * 10.0 ** (3 * ((scale or _UNITS) - _UNITS) - (precision or 0))
    if quantity == "contact":
        return {1: 1.0, 2: 0.0}.get(value) if known == value else None  # TruthValue
    return plausible(quantity, known / 100 if quantity == "humidity" else known)


def _entity_name(names: Mapping[str, Value | None], index: str) -> str:
    given: Column = {
        column: value
        for column in (_ENTITY_NAME, _ENTITY_DESCRIPTION)
        if (value := names[f"{column}.{index}"]) is not None
    }
    return words_of(given, _ENTITY_NAME) or words_of(given, _ENTITY_DESCRIPTION) or f"sensor {index}"
