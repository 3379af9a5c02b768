"""What makers of power strips and environment sensors tell of their devices in MIBs of their own."""

from collections.abc import Callable, Mapping

from probes._engines.device_mib.tables import (
    CRITICAL,
    HOT,
    OK,
    WARNING,
    Columns,
    Figure,
    Found,
    Measure,
    Quantity,
    Rows,
    State,
    States,
    Table,
    Text,
    Vendor,
    one,
    plausible,
)
from probes._engines.snmp.agent import words_of
from probes._engines.snmp.values import integer

_ENTERPRISES = "1.3.6.1.4.1"
_PERCENT = 0.01
_WATT_HOUR = 3600.0  # J

_APC, _AKCP = f"{_ENTERPRISES}.318.1.1", f"{_ENTERPRISES}.3854.1.2.2.1"
_GEIST, _HWG, _AVTECH = f"{_ENTERPRISES}.21239.5", f"{_ENTERPRISES}.21796.4", f"{_ENTERPRISES}.20916.1.10.1"
_GUDE, _CYBERPOWER = f"{_ENTERPRISES}.28507.43.1", f"{_ENTERPRISES}.3808.1.1"
_RARITAN, _LIEBERT = f"{_ENTERPRISES}.13742.6", f"{_ENTERPRISES}.476.1.42"
_MEM, _STE2, _LEAKS = f"{_APC}.10.4.2.3.1", f"{_HWG}.9", f"{_HWG}.5.4.1"
_GEIST_FAHRENHEIT, _APC_FAHRENHEIT = (f"{_GEIST}.1.1.7", 0), (f"{_APC}.10.4.2.1", 2)

_SWITCHED_ON: Mapping[int, float] = {1: 1, 2: 0}
_ON_OR_OFF: Mapping[int, float] = {0: 0, 1: 1}
_AKCP_STATES: Mapping[int, State] = {2: OK, 3: WARNING, 4: CRITICAL, 5: WARNING, 6: CRITICAL, 7: CRITICAL}
_AKCP_HEAT: Mapping[int, State] = {**_AKCP_STATES, 4: HOT}
_LOADS: Mapping[int, State] = {1: OK, 2: OK, 3: WARNING, 4: CRITICAL}
_STE2_STATES: Mapping[int, State] = {0: CRITICAL, 1: OK, 2: WARNING, 3: WARNING, 4: CRITICAL, 5: CRITICAL}

_INLETS = (f"{_RARITAN}.5.2.3.1.4", f"{_RARITAN}.3.3.4.1.7")
_OUTLETS = (f"{_RARITAN}.5.4.3.1.4", f"{_RARITAN}.3.5.4.1.7")
_OUTLET_NAMES = (f"{_RARITAN}.3.5.3.1.3", f"{_RARITAN}.3.5.3.1.2")
_RARITAN_QUANTITIES: Mapping[str, Quantity] = {
    "1": "amperes",
    "4": "volts",
    "5": "watts",
    "6": "voltamperes",
    "8": "joules",
    "23": "hertz",
}  # SensorTypeEnumeration, the last of a row's index


def raritan_inlets(columns: Columns) -> Found:
    """What comes into a power strip, by inlet."""
    return _raritan(columns, _INLETS, lambda row: f"inlet {row.partition('.')[2]}")


def raritan_outlets(columns: Columns) -> Found:
    """What each outlet of a power strip gives, by its name, or its label where it has none."""
    names, labels = (columns[oid] for oid in _OUTLET_NAMES)
    return _raritan(columns, _OUTLETS, lambda row: words_of(names, row) or f"outlet {words_of(labels, row) or row}")


def _raritan(columns: Columns, measured: tuple[str, str], name: Callable[[str], str]) -> Found:
    values, digits = (columns[oid] for oid in measured)
    found = list[Figure]()
    for index, value in values.items():
        row, _, kind = index.rpartition(".")
        quantity, known, places = _RARITAN_QUANTITIES.get(kind), integer(value), integer(digits.get(index))
        if quantity is None or known is None or places is None or not 0 <= places <= 9:
            continue
        figure = plausible(quantity, known / 10**places * (_WATT_HOUR if quantity == "joules" else 1))
        if figure is not None:
            found.append(Figure(quantity, name(row), figure))
    return Found(tuple(found))


def _akcp(what: str, table: str, online: int, words: Mapping[int, State], *measures: Measure) -> Table:
    """A table of SPAGENT-MIB; most of its rows are sockets that nothing is plugged into."""
    states = (States(f"{table}.{online - 1}", words),)
    return Table(what, measures, f"{table}.1", states, (f"{table}.{online}", 1))


POWER: tuple[Vendor, ...] = (
    Vendor(
        (f"{_ENTERPRISES}.318",),
        (Text("model", f"{_APC}.1.1.1.1.0"),),
        (
            Table(
                "sensor",
                (
                    Measure(f"{_MEM}.5", "celsius", fahrenheit=_APC_FAHRENHEIT),
                    Measure(f"{_MEM}.6", "humidity", _PERCENT),
                ),
                f"{_MEM}.3",
                (States(f"{_MEM}.7", {2: OK, 3: CRITICAL}), States(f"{_MEM}.8", {1: OK, 2: WARNING, 3: CRITICAL})),
            ),
            Table("outlet", (Measure(f"{_APC}.4.4.2.1.3", "outlet", words=_SWITCHED_ON),), f"{_APC}.4.4.2.1.4"),
            one(f"{_APC}.12.1.16", "watts", what="power strip"),
            Table(
                "power strip",
                (Measure(f"{_APC}.26.4.3.1.5", "watts", 10),),
                f"{_APC}.26.4.3.1.3",
                (States(f"{_APC}.26.4.3.1.4", _LOADS),),
            ),
            Table(
                "phase",
                (
                    Measure(f"{_APC}.26.6.3.1.5", "amperes", 0.1),
                    Measure(f"{_APC}.26.6.3.1.6", "volts"),
                ),
            ),
            Table(
                "load",
                (Measure(f"{_APC}.12.2.3.1.1.2", "amperes", 0.1),),
                states=(States(f"{_APC}.12.2.3.1.1.3", _LOADS),),
            ),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.3854",),
        tables=(
            _akcp("temperature", f"{_AKCP}.16.1", 5, _AKCP_HEAT, Measure(f"{_AKCP}.16.1.3", "celsius")),
            _akcp("humidity", f"{_AKCP}.17.1", 5, _AKCP_STATES, Measure(f"{_AKCP}.17.1.3", "humidity", _PERCENT)),
            _akcp("switch", f"{_AKCP}.18.1", 4, _AKCP_STATES),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.20916",),
        (),
        (
            one(f"{_AVTECH}.1.1", "celsius", 0.01, "internal"),
            Table(
                "external",
                (Measure(f"{_AVTECH}.2.1", "celsius", 0.01), Measure(f"{_AVTECH}.2.3", "humidity", 0.0001)),
                f"{_AVTECH}.2.8",
            ),
            one(f"{_AVTECH}.5.1", "contact", what="switch 1"),
            one(f"{_AVTECH}.6.1", "contact", what="switch 2"),
            one(f"{_AVTECH}.10.1", "contact", what="relay"),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.21239",),
        tables=(
            Table(
                "internal",
                (
                    Measure(f"{_GEIST}.1.2.1.5", "celsius", 0.1, fahrenheit=_GEIST_FAHRENHEIT),
                    Measure(f"{_GEIST}.1.2.1.6", "humidity", _PERCENT),
                ),
                f"{_GEIST}.1.2.1.3",
            ),
            Table(
                "probe",
                (Measure(f"{_GEIST}.1.4.1.5", "celsius", 0.1, fahrenheit=_GEIST_FAHRENHEIT),),
                f"{_GEIST}.1.4.1.3",
            ),
            Table(
                "power strip",
                (
                    Measure(f"{_GEIST}.2.3.1.1.9", "watts"),
                    Measure(f"{_GEIST}.2.3.1.1.10", "voltamperes"),
                    Measure(f"{_GEIST}.2.3.1.1.12", "joules", _WATT_HOUR),
                ),
                f"{_GEIST}.2.3.1.1.4",
            ),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.21796",),
        tables=(
            Table(
                "sensor",
                (
                    Measure(f"{_STE2}.3.1.5", "celsius", 0.1, only=(f"{_STE2}.3.1.7", 1)),
                    Measure(f"{_STE2}.3.1.5", "humidity", 0.001, only=(f"{_STE2}.3.1.7", 4)),
                    Measure(f"{_STE2}.3.1.5", "contact", 0.1, only=(f"{_STE2}.3.1.7", 5)),
                ),
                f"{_STE2}.3.1.2",
                (States(f"{_STE2}.3.1.3", _STE2_STATES),),
            ),
            Table(
                "input",
                (Measure(f"{_STE2}.1.1.2", "contact", words=_ON_OR_OFF),),
                f"{_STE2}.1.1.3",
                (States(f"{_STE2}.1.1.4", {0: OK, 1: CRITICAL}),),
            ),
            Table(
                "water",
                names=f"{_LEAKS}.2",
                states=(
                    States(f"{_LEAKS}.3", {0: CRITICAL, 1: OK, 3: CRITICAL}),
                    States(f"{_LEAKS}.6", {0: OK, 1: CRITICAL, 2: CRITICAL, 3: CRITICAL}),
                ),
            ),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.28507",),
        tables=(
            Table("outlet", (Measure(f"{_GUDE}.3.1.2.1.3", "outlet", words=_ON_OR_OFF),)),
            Table(
                "channel",
                (
                    Measure(f"{_GUDE}.5.1.2.1.3", "joules", _WATT_HOUR),
                    Measure(f"{_GUDE}.5.1.2.1.4", "watts"),
                    Measure(f"{_GUDE}.5.1.2.1.5", "amperes", 0.001),
                    Measure(f"{_GUDE}.5.1.2.1.6", "volts"),
                    Measure(f"{_GUDE}.5.1.2.1.7", "hertz", 0.01),
                ),
            ),
        ),
    ),
    Vendor(
        (_RARITAN,),
        tables=(Rows(_INLETS, raritan_inlets), Rows((*_OUTLETS, *_OUTLET_NAMES), raritan_outlets)),
    ),
    Vendor(
        (f"{_ENTERPRISES}.3808",),
        (Text("model", f"{_CYBERPOWER}.1.1.1.1.0"),),
        (
            Table(
                "load",
                (
                    Measure(f"{_CYBERPOWER}.3.2.3.1.1.2", "amperes", 0.1),
                    Measure(f"{_CYBERPOWER}.3.2.3.1.1.6", "volts", 0.1),
                    Measure(f"{_CYBERPOWER}.3.2.3.1.1.7", "watts"),
                ),
            ),
        ),
    ),
    Vendor(
        (f"{_ENTERPRISES}.476",),
        tables=(Table("temperature", (Measure(f"{_LIEBERT}.3.4.1.3.3.1.3", "celsius"),)),),
    ),
)
"""By the number that IANA gave each maker."""
