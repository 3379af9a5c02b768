"""equipment.ipp against a printer's octets, and against what else may answer there."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers import ipp as peer
from peers.certificates import Authority, authority
from peers.ipp import ENUM, INTEGER, KEYWORD, NAME, NAME_WITH_LANGUAGE, NO_VALUE, READY, Printer, Set, message, printing
from peers.tcp import Talk, http, serving
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines, ipp
from probes._engines.printers import PROBLEMS
from probes.equipment.ipp import Ipp, IppParams, found, read, verdict

__all__ = ["authority"]


@pytest.fixture
async def engines() -> AsyncIterator[Engines]:
    engines = Engines()
    yield engines
    assert engines.http.running == 0
    engines.close()


def probing(engines: Engines, port: int, **settings: Any) -> Ipp:
    return Ipp(IppParams.model_validate({"host": "127.0.0.1", "port": port, **settings}), engines)


async def asked(engines: Engines, printer: Printer, **settings: Any) -> Measured:
    async with printing(printer) as port:
        return await probing(engines, port, **settings).measure(60)


def told(**changed: Set) -> Measured:
    """The verdict about a printer with these attributes changed."""
    attributes = {**READY, **{name.replace("_", "-"): given for name, given in changed.items()}}
    return verdict(found(read(200, message(attributes))))


def reasons(*words: str) -> Set:
    return Set(KEYWORD, words)


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    assert {sample.metric for sample in samples} <= {metric.name for metric in Ipp.metrics}
    return {f"{s.metric.removeprefix('deskwatch_printer_')}/{s.part}".removesuffix("/"): s.value for s in samples}


async def test_a_printer_that_is_ready_says_what_it_has_left(engines: Engines) -> None:
    printer = Printer()
    async with printing(printer) as port:
        ready = await probing(engines, port).measure(60)
    assert ready.detail == "it is idle; low: Cyan Toner 8%"
    assert values(ready.samples) == {
        **{f"problem/{name}": 0 for name in PROBLEMS},
        "supply_ratio/Black Toner": 0.8,
        "supply_ratio/Cyan Toner": 0.08,
        "waste_room_ratio/Waste Toner Box": 0.75,
        "queued_jobs": 0,
        "pages_total": 12345,
    }
    (question,) = printer.asked
    assert question["printer-uri"] == [f"ipp://127.0.0.1:{port}/ipp/print"]
    assert question["attributes-charset"] == ["utf-8"]
    assert "printer-state-reasons" in question["requested-attributes"]


async def test_it_asks_over_tls_if_told_to(engines: Engines, authority: Authority) -> None:
    printer = Printer()
    async with printing(printer, authority.issue().context()) as port:
        assert await probing(engines, port, tls=True, ca_file=str(authority.file)).measure(60)
        assert printer.asked[0]["printer-uri"] == [f"ipps://127.0.0.1:{port}/ipp/print"]
        with pytest.raises(Failed, match="certificate_untrusted"):
            await probing(engines, port, tls=True).measure(60)
        with pytest.raises(Failed, match="reset"):
            await probing(engines, port).measure(60)


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("media-empty-error", "no_paper"),
        ("media-needed", "no_paper"),
        ("media-low-warning", "low_paper"),
        ("toner-low-report", "low_toner"),
        ("marker-supply-empty-error", "no_toner"),
        ("cover-open-error", "door_open"),
        ("media-jam-error", "jammed"),
        ("output-area-full-warning", "output_full"),
        ("offline-report", "offline"),
    ],
)
def test_what_keeps_it_from_printing_has_the_same_name_as_by_snmp(word: str, problem: str) -> None:
    measured = told(printer_state_reasons=reasons(word, "none"))
    assert values(measured.samples)[f"problem/{problem}"] == 1
    assert PROBLEMS[problem] in measured.detail


def test_a_problem_without_a_figure_is_said() -> None:
    words = ("moving-to-paused", "spool-area-full-report", "fuser-over-temp-error", "timed-out", "com.maker\x1b[2J")
    detail = told(printer_state_reasons=reasons(*words)).detail
    assert detail.startswith(
        "it is idle; it says 'moving-to-paused', 'spool-area-full', 'fuser-over-temp', 'timed-out'"
    )
    assert "and 1 more" in detail
    assert detail.isprintable()


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        (
            {"printer_state": Set(ENUM, (5,)), "printer_state_reasons": reasons("media-jam-error")},
            "down",
            "the printer has stopped; it is stopped; paper jam",
        ),
        ({"printer_is_accepting_jobs": Set(peer.BOOLEAN, (0,))}, "rejecting", "the printer takes no jobs"),
    ],
)
def test_a_printer_that_prints_nothing_is_down(changed: dict[str, Set], reason: str, words: str) -> None:
    with pytest.raises(Failed) as failed:
        told(**changed)
    assert failed.value.reason == reason
    assert failed.value.detail.startswith(words)
    assert values(failed.value.samples)["supply_ratio/Black Toner"] == 0.8


def test_jobs_that_wait_are_counted() -> None:
    assert told(queued_job_count=Set(INTEGER, (1,))).detail.endswith("1 job waits")
    many = told(queued_job_count=Set(INTEGER, (12,)))
    assert many.detail.endswith("12 jobs wait")
    (rule,) = [rule for rule in Ipp.rules if rule.id == "queue-stuck"]
    assert rule.above is not None
    assert values(many.samples)["queued_jobs"] > rule.above


def test_what_it_does_not_know_has_no_figure() -> None:
    measured = told(
        marker_levels=Set(INTEGER, (-1, -2, -3)),
        queued_job_count=Set(NO_VALUE, (b"",)),
        printer_impressions_completed=Set(INTEGER, (-1,)),
    )
    assert {name for name in values(measured.samples) if not name.startswith("problem/")} == set()


def test_supplies_of_the_same_or_no_name_are_told_apart() -> None:
    measured = told(
        marker_names=Set(NAME_WITH_LANGUAGE, ("Toner", "Toner")),
        marker_types=reasons(),
        marker_levels=Set(INTEGER, (50, 40, 30)),
    )
    assert {name for name in values(measured.samples) if name.startswith("supply")} == {
        "supply_ratio/Toner",
        "supply_ratio/Toner #2",
        "supply_ratio/supply 3",
    }


def test_a_collection_is_passed_over() -> None:
    inner = peer.attribute("", Set(peer.MEMBER, ("media-size",))) + peer.attribute("", Set(INTEGER, (7,)))
    collection = peer.attribute("media-col-ready", Set(peer.BEGIN_COLLECTION, (b"",))) + inner
    collection += peer.attribute("", Set(peer.END_COLLECTION, (b"",)))
    whole = message(READY)
    octets = whole[:-1] + collection + whole[-1:]
    assert found(read(200, octets)) == found(read(200, whole))


@pytest.mark.parametrize(
    ("printer", "words"),
    [
        (Printer(refusal="426 Upgrade Required"), "over TLS alone; set `tls: true`"),
        (Printer(refusal="401 Unauthorized"), "does not let us ask, status 401"),
        (Printer(refusal="403 Forbidden"), "status 403"),
        (Printer(status=0x0401), "error 0x0401"),
        (Printer(status=0x0403), "error 0x0403"),
    ],
)
async def test_a_printer_that_does_not_let_us_ask_says_nothing_about_itself(
    engines: Engines, printer: Printer, words: str
) -> None:
    with pytest.raises(Unmeasured) as unmeasured:
        await asked(engines, printer)
    assert unmeasured.value.reason == "no_permission"
    assert words in unmeasured.value.detail


def replying(reply: bytes) -> Talk:
    """Answers whatever is asked with this."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\x03")
        writer.write(reply)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return talk


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (http(status="404 Not Found"), "wrong_status", "answered with status 404; is `path` right?"),
        (http(message(READY, status=0x0406)), "ipp_error", "error 0x0406 of IPP; is `path` right?"),
        (http(message(READY, status=0x0505)), "ipp_error", "error 0x0505"),
        (http(b"<html>welcome</html>"), "malformed", "not one of IPP"),
        (http(b""), "malformed", "not one of IPP"),
        (http(message(READY)[:-1]), "malformed", "breaks off"),
        (http(message(READY)[:60]), "malformed", "breaks off"),
        (http(message({"queued-job-count": Set(INTEGER, (1,))})), "malformed", "no printer-state"),
        (http(message({"printer-state": Set(NAME, ("idle",))})), "malformed", "no printer-state"),
        (http(message({"a": Set(INTEGER, (1,) * 2001)})), "malformed", "more than 2000 attributes"),
        (http(message({"a": Set(NAME, ("x" * 60_000,) * 5)})), "body_too_large", "larger"),
        (http(b"x" * 50)[:-1], "reset", "before the answer was complete"),
        (b"@PJL INFO STATUS\r\n", "malformed", ""),
    ],
)
async def test_a_strange_answer_is_down(engines: Engines, reply: bytes, reason: str, words: str) -> None:
    async with serving(replying(reply)) as port:
        with pytest.raises(Failed) as failed:
            await probing(engines, port).measure(60)
    assert failed.value.reason == reason
    assert reason in Ipp.reasons
    assert words in failed.value.detail


@given(st.binary(max_size=300))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    for answer in (octets, message(READY)[:9] + octets, b"\x02\x00\x00\x00\x00\x00\x00\x01\x04" + octets + b"\x03"):
        try:
            ipp.answer(answer)
        except Failed as failed:
            assert failed.reason == "malformed"


SETS = st.one_of(
    st.builds(lambda values: Set(INTEGER, tuple(values)), st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4)),
    st.builds(lambda values: Set(KEYWORD, tuple(values)), st.lists(st.text(max_size=30), max_size=4)),
    st.builds(lambda values: Set(NAME_WITH_LANGUAGE, tuple(values)), st.lists(st.text(max_size=30), max_size=4)),
    st.just(Set(NO_VALUE, (b"",))),
)


@given(st.dictionaries(st.sampled_from(list(READY)), SETS))
def test_any_attributes_are_judged(attributes: dict[str, Set]) -> None:
    try:
        measured = told(**{name.replace("-", "_"): given for name, given in attributes.items()})
    except Failed as failed:
        assert failed.reason in Ipp.reasons
        return
    assert measured.detail.isprintable()
    assert all(sample.value >= 0 for sample in measured.samples)


@pytest.mark.parametrize("settings", [{"path": "ipp/print"}, {"path": "/a b"}, {"port": 0}, {"host": "a/b"}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        IppParams.model_validate({"host": "printer", **settings})
