"""A member's booking system goes down and comes back: what everybody hears of it."""

import json
import re
import signal
from pathlib import Path

from peers.ports import free_port
from peers.postgresql import Cluster
from peers.prometheus import prometheus
from stories.conftest import Deskwatch, Sink, Target, until


async def test_one_outage_is_one_message_one_incident_one_resolved_and_prometheus_holds_the_series(
    deskwatch: Deskwatch, target: Target, sink: Sink, tmp_path: Path
) -> None:
    await deskwatch.start()
    async with prometheus(tmp_path, free_port(), f"127.0.0.1:{deskwatch.port}") as metrics:

        async def success(value: str) -> bool:
            found = await metrics.query('probe_success{asset="booking-system"}')
            return [one["value"][1] for one in found] == [value]

        await until(lambda: success("1"), "a successful probe in Prometheus")
        assert sink.messages == []

        target.status = 503
        await until(lambda: _count(sink, 1), "the message")
        assert sink.messages[0]["title"] == "Critical: Booking system is down (Harbour Street)"
        body = sink.messages[0]["message"]
        assert "503" in body
        assert "80 people" in body
        assert "Members cannot book desks or rooms." in body
        assert "Call the vendor's support line." in body
        await until(lambda: success("0"), "the failed probe in Prometheus")

        await until(lambda: _status(deskwatch, 1, "down"), "`deskwatch status` to say that it is down", every=2)

        # Nobody has it yet, so it is said again; once somebody has it, never again.
        await until(lambda: _count(sink, 2), "the repeat")
        incident = json.loads((await deskwatch.types("incidents", "list", "--json"))[1])[0]
        assert (incident["stage"], incident["title"]) == ("open", "Booking system is down")
        code, output = await deskwatch.types("incidents", "acknowledge", incident["id"], "--by", "Ana")
        assert (code, output.strip()) == (0, "Booking system is down: acknowledged")
        await until(deskwatch.has_told_all, "a repeat that was under way to arrive")
        told = len(sink.messages)
        asked = target.asked
        await until(lambda: _at_least(target, asked + 8), "eight more probes")
        assert len(sink.messages) == told

        target.status = 200
        await until(lambda: _count(sink, told + 1), "the resolved message")
        assert sink.titles()[-1].startswith("Resolved: Booking system is down")
        await until(lambda: success("1"), "the recovery in Prometheus")
        await until(lambda: _status(deskwatch, 0, "up"), "`deskwatch status` to say that it is up", every=2)

        code, output = await deskwatch.types(
            "incidents",
            "review",
            incident["id"],
            "--by",
            "Ana",
            "--resolution",
            "Vendor restarted it",
            "--cause",
            "Deploy",
            "--set",
            "category=vendor",
            "--set",
            "detection=us",
        )
        assert code == 0, output
        record = json.loads((await deskwatch.types("incidents", "show", incident["id"], "--json"))[1])
        assert record["stage"] == "reviewed"
        assert record["resolution"] == "Vendor restarted it"
        assert record["root_cause"] == "Deploy"
        assert record["opened"] < record["resolved"]
        assert record["member_minutes"] > 0
        assert record["acknowledged_by"] == "Ana"
        assert len(sink.messages) == told + 1
    assert await deskwatch.end() == 0


async def test_a_single_failed_answer_that_the_second_look_does_not_confirm_alerts_nobody(
    deskwatch: Deskwatch, target: Target, sink: Sink
) -> None:
    await deskwatch.start()
    await until(lambda: _at_least(target, 2), "the first probes")
    before = await _unconfirmed(deskwatch)
    target.fail_once()

    async def counted() -> bool:
        return await _unconfirmed(deskwatch) > before

    await until(counted, "the failure to be counted as unconfirmed")
    assert sink.messages == []
    assert json.loads((await deskwatch.types("incidents", "list", "--json"))[1]) == []


async def test_postgresql_keeps_the_same_record(
    deskwatch: Deskwatch, target: Target, sink: Sink, postgresql: Cluster
) -> None:
    deskwatch.config.write_text(deskwatch.config.read_text() + f"storage: {{url: '{postgresql.url()}'}}\n")
    await deskwatch.start()
    target.status = 503
    await until(lambda: _count(sink, 1), "the message")
    await until(deskwatch.has_noted_a_delivery, "the message to be written down as delivered")
    await deskwatch.end(signal.SIGKILL)
    target.status = 200
    await deskwatch.start()

    async def resolved() -> bool:
        listed = json.loads((await deskwatch.types("incidents", "list", "--json"))[1])
        return [(one["title"], one["stage"]) for one in listed] == [("Booking system is down", "resolved")]

    await until(resolved, "the incident to be resolved", every=1)
    await until(lambda: _told_the_end(sink), "the resolved message")


async def _unconfirmed(deskwatch: Deskwatch) -> float:
    """How many failures a second look did not find again."""
    metrics = (await deskwatch.get("/metrics"))[1]
    found = re.search(r'deskwatch_unconfirmed_failures_total\{kind="internet\.http"\} (\S+)', metrics)
    assert found, metrics
    return float(found[1])


async def _told_the_end(sink: Sink) -> bool:
    return sink.titles()[-1].startswith("Resolved: ")


async def _status(deskwatch: Deskwatch, code: int, status: str) -> bool:
    ended, output = await deskwatch.types("status", "--json")
    return (ended, [one["status"] for one in json.loads(output)]) == (code, [status])


async def _count(sink: Sink, number: int) -> bool:
    return len(sink.messages) >= number


async def _at_least(target: Target, number: int) -> bool:
    return target.asked >= number
