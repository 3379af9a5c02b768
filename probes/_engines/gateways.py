"""The lines to the internet as the gateway itself sees them, in one set of terms for every make, and what is wrong."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from probes._base import DefaultRule, Failed, Measured, Metric, Params, Sample, Unmeasured
from probes._engines.inventory import Inventory
from probes._engines.json_values import number
from probes._engines.memory import Memory
from probes._engines.snmp.agent import part_names
from probes._engines.snmp.values import number as measured

MOST = 100
"""Lines of one gateway that are looked at."""

State = Literal["active", "standby", "down", "disabled", "unknown"]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class GatewayParams(Params):
    """Which lines there must be."""

    lines: Annotated[
        tuple[Name, ...],
        Field(
            max_length=MOST,
            description="names of the lines that must work, as the gateway calls them: DOWN without one of them; "
            "if not set, only when no line works",
        ),
    ] = ()
    backup: Annotated[
        tuple[Name, ...],
        Field(max_length=MOST, description="names of the lines that are there for the others' failure"),
    ] = ()


class Line(NamedTuple):
    """A line: None and "" are what the gateway does not tell.

    `active` is one that works, `standby` one that works as far as the gateway knows and waits for its turn. `carries`
    is whether traffic takes it now, `word` the gateway's own for its state. `loss` is a ratio, `latency` and `jitter`
    are in seconds, `signal` in dBm.
    """

    name: str
    state: State
    carries: bool | None = None
    loss: float | None = None
    latency: float | None = None
    jitter: float | None = None
    signal: float | None = None
    address: str = ""
    word: str = ""

    @property
    def works(self) -> bool:
        """Whether it is of use."""
        return self.state in ("active", "standby")

    @property
    def used(self) -> bool:
        """Whether traffic takes it: where the gateway does not tell, whatever is active may be used."""
        return self.carries if self.carries is not None else self.state == "active"


_UP = "deskwatch_gateway_line_up"
_CARRIES = "deskwatch_gateway_line_carries"
_LOSS = "deskwatch_gateway_line_loss_ratio"
_LATENCY = "deskwatch_gateway_line_latency_seconds"
_JITTER = "deskwatch_gateway_line_jitter_seconds"
_SIGNAL = "deskwatch_gateway_line_signal_dbm"
_LINES = "deskwatch_gateway_lines"
_ON_BACKUP = "deskwatch_gateway_on_backup"

_STATES = ("active", "standby", "down", "unused", "disabled", "unknown", "missing")

METRICS = (
    Metric(_UP, "1 if the line works, 0 if it should and does not, or is not even listed", "", "line"),
    Metric(_CARRIES, "1 if traffic takes the line, else 0", "", "line"),
    Metric(_LOSS, "Share of packets that the gateway lost on the line", "ratio", "line"),
    Metric(_LATENCY, "Round trip time that the gateway measures on the line", "seconds", "line"),
    Metric(_JITTER, "How much that time varies", "seconds", "line"),
    Metric(_SIGNAL, "Strength of the mobile network's signal, in decibels over a milliwatt", "", "line"),
    Metric(_LINES, "Lines by how they are; unused are those that never worked for long", "", "state", _STATES),
    Metric(_ON_BACKUP, "1 while traffic takes a backup line because no other one carries it, else 0"),
)
"""What every kind that asks a gateway measures."""

REASONS = {
    "all_lines_down": "none of the gateway's lines to the internet works",
    "line_down": "a line that must work does not",
    "line_missing": "the gateway does not list a line that must work",
}
"""The reasons for which a gateway's lines are down, beside those for which it does not answer."""

RULES = (
    DefaultRule(
        "line-down",
        _UP,
        "has a line to the internet that does not work or has vanished",
        below=1,
        times=2,
        window=2,
    ),
    DefaultRule("on-backup", _ON_BACKUP, "runs on its backup line", above=0),
    DefaultRule("losing", _LOSS, "loses more than 2 % of its packets on a line", above=0.02, clear=0.01, hold=300),
    DefaultRule(
        "losing-badly",
        _LOSS,
        "loses more than 10 % of its packets on a line",
        severity="critical",
        above=0.1,
        clear=0.05,
        hold=300,
    ),
)
"""What every such kind proposes."""


class _Account(NamedTuple):
    """The lines with what should be there: `failed` should work and do not, `missing` of them are not even listed."""

    lines: Sequence[Line]
    failed: frozenset[str]
    missing: tuple[str, ...]
    on_backup: bool | None

    def state(self, line: Line) -> str:
        """One of _STATES; while no line works, none is spare."""
        spare = line.name not in self.failed and any(other.works for other in self.lines)
        return "unused" if line.state == "down" and spare else line.state


def judged(lines: Sequence[Line], params: GatewayParams, memory: Memory, check: str) -> Measured:
    """What a gateway's lines mean; remembers which of them worked.

    Raises Failed when one that must work does not, or none does, and Unmeasured when that cannot be told.
    """
    account = _account(named(lines[:MOST]), params, memory, check)
    samples = tuple(_samples(account))
    sentence = "; ".join(_remarks(account))
    if objection := _objection(account, params):
        raise Failed(objection[0], "; ".join(filter(None, (objection[1], sentence))), samples)
    if not any(line.works for line in account.lines) or _doubtful(account, params):
        raise Unmeasured("no_source", sentence or "the gateway answers, but lists no line to the internet")
    return Measured(sentence, samples)


def named(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines with names that are fit for labels, none twice."""
    names = part_names({str(index): line.name for index, line in enumerate(lines)})
    return tuple(line._replace(name=names[str(index)]) for index, line in enumerate(lines))


def _account(lines: Sequence[Line], params: GatewayParams, memory: Memory, check: str) -> _Account:
    """Names that worked are learned: a line that never did is a spare socket, not a failure."""
    working = [line.name for line in lines if line.works]
    before = Inventory.of(memory.recall(check))
    memory.keep(check, before.after(working, datetime.now(UTC)).memory)
    states = {line.name: line.state for line in lines}
    doubtful = {name for name, state in states.items() if state == "unknown"}
    off = {name for name, state in states.items() if state == "disabled"}
    declared, learned = {*params.lines, *params.backup} - set(working), set(before.missing(working)) - off
    failed = (declared | learned) - doubtful
    missing = failed - states.keys()
    return _Account(lines, frozenset(failed), tuple(sorted(missing)), _on_backup(lines, params.backup))


def _on_backup(lines: Sequence[Line], backup: Iterable[str]) -> bool | None:
    """Whether traffic takes a backup line and no other; None if no line is declared to be one, or it can't be told."""
    spare = set(backup)
    if not spare or any(line.state == "unknown" and line.name not in spare for line in lines):
        return None
    used = {line.name for line in lines if line.works and line.used}
    return bool(used & spare) and not used - spare


def _objection(account: _Account, params: GatewayParams) -> tuple[str, str] | None:
    """Reason and words, None if what must work does."""
    known = {line.name: line for line in account.lines}
    if _silent(account) and (known or not params.lines):
        return "all_lines_down", "no line to the internet works"
    for name in params.lines:
        if name not in known:
            listed = f"it lists {_few(list(known))}" if known else "it lists none"
            return "line_missing", f"the gateway has no line {name}; {listed}"
        if known[name].state in ("down", "disabled"):
            return "line_down", f"the line {_called(known[name])} does not work"
    return None


def _silent(account: _Account) -> bool:
    """Whether no line works, though one should."""
    states = {line.state for line in account.lines}
    return states <= {"down", "disabled"} and ("down" in states or bool(account.missing))


def _doubtful(account: _Account, params: GatewayParams) -> bool:
    """Whether the gateway does not know how a line is that must work."""
    return any(line.state == "unknown" for line in account.lines if line.name in params.lines)


def _samples(account: _Account) -> Iterator[Sample]:
    for line in account.lines:
        yield from _of_line(line, account)
    yield from (Sample(_UP, 0, name) for name in account.missing)
    states = [account.state(line) for line in account.lines] + ["missing"] * len(account.missing)
    yield from (Sample(_LINES, states.count(state), state) for state in _STATES)
    if account.on_backup is not None:
        yield Sample(_ON_BACKUP, int(account.on_backup))


def _of_line(line: Line, account: _Account) -> Iterator[Sample]:
    """Of a line that does not work there are no figures: it loses everything, and that is said already."""
    if not line.works:
        if line.name in account.failed:
            yield Sample(_UP, 0, line.name)
        return
    yield Sample(_UP, 1, line.name)
    figures: Mapping[str, float | None] = {
        _CARRIES: line.carries,
        _LOSS: line.loss,
        _LATENCY: line.latency,
        _JITTER: line.jitter,
        _SIGNAL: line.signal,
    }
    yield from (Sample(metric, float(value), line.name) for metric, value in figures.items() if value is not None)


def _remarks(account: _Account) -> Iterator[str]:
    """What a community manager should know, what is wrong first."""
    by_state: dict[str, list[Line]] = {state: [] for state in _STATES}
    for line in account.lines:
        by_state[account.state(line)].append(line)
    working = by_state["active"] + by_state["standby"]
    if account.on_backup:
        yield "runs on its backup line"
    if by_state["down"]:
        yield f"down: {_few([_called(line) for line in by_state['down']])}"
    if account.missing:
        yield f"vanished: {_few(account.missing)}"
    if by_state["unknown"]:
        yield f"state not known: {_few([_called(line) for line in by_state['unknown']])}"
    expected = len(working) + len(by_state["down"]) + len(account.missing)
    if working:
        yield f"{len(working)} of {expected} {'line works' if expected == 1 else 'lines work'}: {_few(_shown(working))}"
    if idle := by_state["unused"] + by_state["disabled"]:
        yield f"not in use: {_few([_called(line) for line in idle])}"


def _called(line: Line) -> str:
    return f"{line.name} ({line.word})" if line.word else line.name


def _shown(lines: Sequence[Line]) -> list[str]:
    return [f"{line.name} ({', '.join(facts)})" if (facts := list(_facts(line))) else line.name for line in lines]


def _facts(line: Line) -> Iterator[str]:
    if line.state == "standby":
        yield "stands by"
    if line.carries:
        yield "carries the traffic"
    if line.word and line.state == "active":
        yield line.word
    if line.address:
        yield line.address
    if line.latency is not None:
        yield f"{line.latency * 1000:.0f} ms"
    if line.loss:
        yield f"{line.loss:.1%} lost"
    if line.signal is not None:
        yield f"{line.signal:.0f} dBm"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


class Look(NamedTuple):
    """What one test of a line found: latency and jitter in seconds, loss a ratio; `alive` is None if unknown."""

    line: str
    alive: bool | None
    latency: float | None = None
    jitter: float | None = None
    loss: float | None = None


def of_looks(looks: Iterable[Look]) -> Iterator[Line]:
    """The lines that are tested. One works if it passes one of its tests, and is as good as the best of them shows it:
    what the others are asked of may be at fault itself.
    """
    by_line: dict[str, list[Look]] = {}
    for look in looks:
        by_line.setdefault(look.line, []).append(look)
    for name, mine in by_line.items():
        alive = [look for look in mine if look.alive]
        if not alive:
            known = all(look.alive is False for look in mine)
            yield Line(name, "down" if known else "unknown", word="fails its test" if known else "not tested yet")
            continue
        yield Line(
            name,
            "active",
            loss=_least(look.loss for look in alive),
            latency=_least(look.latency for look in alive),
            jitter=_least(look.jitter for look in alive),
            word=f"passes {len(alive)} of {len(mine)} tests" if len(alive) < len(mine) else "",
        )


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def figure(value: Any, parts: int = 1) -> float | None:
    """A number from 0, also of a text with its unit behind it, as "12.3 ms"; None for anything else.

    `parts` is how many of its units make ours: 1000 for milliseconds.
    """
    read = measured(value) if isinstance(value, str) else number(value)
    return read / parts if read is not None and read >= 0 else None


def ratio(value: Any) -> float | None:
    """A ratio from 0 to 1 of a percentage, also of "2.0 %"; None for anything else."""
    read = figure(value, 100)
    return None if read is None else min(read, 1.0)
