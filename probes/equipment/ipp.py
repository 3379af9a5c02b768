"""Asks a printer by IPP whether it prints, what keeps it from it, what runs out, and how many jobs wait."""

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from probes import DefaultRule, Failed, Measured, Metric, Probe, Sample, Unmeasured
from probes._engines import Engines, ipp, printers
from probes._engines.devices import DeviceParams
from probes._engines.displays import printable
from probes._engines.excerpt import excerpt
from probes._engines.http import exchange
from probes._engines.ipp import Value
from probes._engines.printers import Supply, listed
from probes._engines.trust import CaFile, TlsVerify

MOST_ANSWER = 256 * 1024
"""Bytes of an answer; what is asked for here takes a few thousand."""

_MARGIN = 0.05  # seconds kept back of the timeout, so that the verdict is ours and not the caller's cancellation
_MOST = 64  # supplies, and reasons of a state
_JOBS = "deskwatch_printer_queued_jobs"
_MANY_JOBS = 10

_STATES = {3: "idle", 4: "printing", 5: "stopped"}
_STOPPED = 5
_NOT_LET_IN = range(0x0401, 0x0404)  # forbidden, not authenticated, not authorized
_FULL = 100  # percent
_SEVERITY = re.compile(r"-(?:report|warning|error)$")

_REASONS = {
    "media-low": "low_paper",
    "media-empty": "no_paper",
    "media-needed": "no_paper",
    "toner-low": "low_toner",
    "marker-supply-low": "low_toner",
    "toner-empty": "no_toner",
    "marker-supply-empty": "no_toner",
    "door-open": "door_open",
    "cover-open": "door_open",
    "interlock-open": "door_open",
    "media-jam": "jammed",
    "offline": "offline",
    "input-tray-missing": "tray_missing",
    "output-tray-missing": "output_tray_missing",
    "marker-supply-missing": "supply_missing",
    "output-area-almost-full": "output_near_full",
    "output-area-full": "output_full",
}
"""Keywords of printer-state-reasons, without their severity, and what SNMP's printers call the same."""

_WANTED = (
    "printer-state",
    "printer-state-reasons",
    "printer-is-accepting-jobs",
    "queued-job-count",
    "marker-names",
    "marker-types",
    "marker-levels",
    "printer-impressions-completed",
)


class IppParams(DeviceParams):
    """Where the printer is, and under which path it prints."""

    port: Annotated[int, Field(ge=1, le=65_535, description="TCP port of IPP")] = 631
    path: Annotated[
        str,
        Field(
            pattern=r"^/[A-Za-z0-9._~%/-]*$",
            max_length=200,
            description="path of the queue: /ipp/print of nearly all printers, /printers/NAME of a CUPS server",
        ),
    ] = "/ipp/print"
    tls: Annotated[bool, Field(description="whether to ask over TLS (ipps)")] = False
    tls_verify: TlsVerify = True
    ca_file: CaFile = ""


class Ipp(Probe[IppParams]):
    """Whether a printer prints, and what waits in its queue."""

    Params = IppParams
    metrics = (
        printers.PROBLEM,
        printers.SUPPLY,
        printers.WASTE_ROOM,
        printers.PAGES,
        Metric(_JOBS, "Jobs that wait in the queue or are being printed"),
    )
    reasons: ClassVar = {
        **{word: meaning for word, meaning in exchange.REASONS.items() if word != "too_many_redirects"},
        "wrong_status": "the printer answered with an error of HTTP",
        "ipp_error": "the printer answered with an error of IPP",
        "down": "the printer itself says that it has stopped",
        "rejecting": "the printer takes no jobs",
    }
    rules = (
        *printers.RULES,
        DefaultRule("queue-stuck", _JOBS, "has more than 10 jobs waiting", above=_MANY_JOBS, clear=5, hold=900),
    )
    per_target = 1

    def __init__(self, params: IppParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._request = exchange.Request(
            url=f"{'https' if params.tls else 'http'}://{params.target}{params.path}",
            method="POST",
            headers=(("Content-Type", ipp.CONTENT_TYPE),),
            body=ipp.question(f"{'ipps' if params.tls else 'ipp'}://{params.target}{params.path}", _WANTED),
            redirects=0,
            most_body=MOST_ANSWER,
            trust=exchange.Trust(params.tls_verify, params.ca_file),
        )

    async def measure(self, timeout: float) -> Measured:
        """Ask for the attributes of the printer."""
        response = await self.engines.http.fetch(self._request, timeout - _MARGIN)
        return verdict(found(read(response.status, response.body)))


class Found(NamedTuple):
    """All that a printer told. `problems` is None where it does not tell of any, `others` are those without a figure.

    `accepts` is whether it takes jobs; `jobs` and `pages` are None where it does not tell.
    """

    state: int
    problems: frozenset[str] | None
    others: tuple[str, ...]
    accepts: bool
    supplies: tuple[Supply, ...]
    jobs: int | None
    pages: int | None


def read(status: int, body: bytes) -> Mapping[str, tuple[Value, ...]]:
    """The attributes in an answer.

    Raises Unmeasured when the printer does not let us ask like this, Failed for errors and what is no IPP.
    """
    if status == HTTPStatus.UPGRADE_REQUIRED:
        raise Unmeasured("no_permission", "the printer is to be asked over TLS alone; set `tls: true`")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise Unmeasured("no_permission", f"the printer does not let us ask, status {status}; allow it this machine")
    if status != HTTPStatus.OK:
        raise Failed("wrong_status", f"the printer answered with status {status}; is `path` right?")
    answer = ipp.answer(body)
    if answer.status in _NOT_LET_IN:
        code = f"{answer.status:#06x}"
        raise Unmeasured("no_permission", f"the printer does not let us ask, error {code}; allow it this machine")
    if answer.status > 0xFF:
        raise Failed("ipp_error", f"the printer answered with error {answer.status:#06x} of IPP; is `path` right?")
    return answer.attributes


def found(attributes: Mapping[str, tuple[Value, ...]]) -> Found:
    """What the attributes say. Raises Failed when the state is missing, which every printer has to tell."""
    state = _number(attributes, "printer-state")
    if state not in _STATES:
        raise Failed("malformed", "the answer does not follow IPP: it has no printer-state")
    told = [_SEVERITY.sub("", word) for word in _texts(attributes, "printer-state-reasons")[:_MOST]]
    return Found(
        state,
        frozenset(_REASONS[word] for word in told if word in _REASONS) if told else None,
        tuple(printable(word) for word in told if word not in _REASONS and word not in ("none", "")),
        _number(attributes, "printer-is-accepting-jobs") != 0,
        tuple(_supplies(attributes)),
        _count(attributes, "queued-job-count"),
        _count(attributes, "printer-impressions-completed"),
    )


def _supplies(attributes: Mapping[str, tuple[Value, ...]]) -> Iterator[Supply]:
    """Levels are in percent, negative where not known. Of a waste box it is how full that is."""
    names, types = _texts(attributes, "marker-names"), _texts(attributes, "marker-types")
    taken: set[str] = set()
    for number, level in enumerate(attributes.get("marker-levels", ())[:_MOST], 1):
        name = printable(_nth(names, number)) or f"supply {number}"
        name = f"{name} #{number}" if name in taken else name
        taken.add(name)
        known = level / _FULL if isinstance(level, int) and 0 <= level <= _FULL else None
        waste = _nth(types, number).startswith("waste")
        yield Supply(name, 1 - known if waste and known is not None else known, waste)


def _nth(words: Sequence[str], number: int) -> str:
    """The word with this number from 1, "" if there are fewer."""
    return words[number - 1] if number <= len(words) else ""


def verdict(printer: Found) -> Measured:
    """What a printer's answer means. Raises Failed when nothing can be printed on it."""
    sentence, samples = "; ".join(_words(printer)), tuple(_samples(printer))
    if printer.state == _STOPPED:
        raise Failed("down", f"the printer has stopped; {sentence}", samples)
    if not printer.accepts:
        raise Failed("rejecting", f"the printer takes no jobs; {sentence}", samples)
    return Measured(sentence, samples)


def _samples(printer: Found) -> Iterator[Sample]:
    if printer.problems is not None:
        yield from printers.problem_samples(printer.problems)
    yield from printers.supply_samples(printer.supplies)
    counted = {_JOBS: printer.jobs, printers.PAGES.name: printer.pages}
    yield from (Sample(metric, number) for metric, number in counted.items() if number is not None)


def _words(printer: Found) -> Iterator[str]:
    """A printer in words: its state, what is wrong, what runs out, what waits."""
    yield f"it is {_STATES[printer.state]}"
    if printer.problems:
        yield printers.in_words(printer.problems)
    if printer.others:
        yield f"it says {listed([excerpt(word, 40) for word in printer.others])}"
    if low := printers.low(printer.supplies):
        yield f"low: {listed(low)}"
    if printer.jobs:
        yield "1 job waits" if printer.jobs == 1 else f"{printer.jobs} jobs wait"


def _number(attributes: Mapping[str, tuple[Value, ...]], name: str) -> int | None:
    first = next(iter(attributes.get(name, ())), None)
    return first if isinstance(first, int) else None


def _count(attributes: Mapping[str, tuple[Value, ...]], name: str) -> int | None:
    number = _number(attributes, name)
    return number if number is not None and number >= 0 else None


def _texts(attributes: Mapping[str, tuple[Value, ...]], name: str) -> list[str]:
    return [value if isinstance(value, str) else "" for value in attributes.get(name, ())]
