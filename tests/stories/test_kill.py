"""The service is killed between detection and delivery: nothing is lost, nothing is invented."""

import json
import signal

from stories.conftest import Deskwatch, Sink, Target, until


async def test_after_kill_9_the_message_arrives_and_there_is_still_one_incident(
    deskwatch: Deskwatch, target: Target, sink: Sink
) -> None:
    await deskwatch.start()
    sink.status = 500
    target.status = 503

    async def refused() -> bool:
        return sink.refused > 0

    await until(refused, "the first, refused delivery")
    await deskwatch.end(signal.SIGKILL)
    before = json.loads((await deskwatch.types("incidents", "list", "--json"))[1])
    assert len(before) == 1
    assert sink.messages == []

    sink.status = 200
    await deskwatch.start()

    async def arrived() -> bool:
        return "Critical: Booking system is down (Harbour Street)" in sink.titles()

    await until(arrived, "the message")
    after = json.loads((await deskwatch.types("incidents", "list", "--json"))[1])
    assert [incident["id"] for incident in after] == [before[0]["id"]]

    target.status = 200

    async def resolved() -> bool:
        return any(title.startswith("Resolved: Booking system is down") for title in sink.titles())

    await until(resolved, "the resolved message")
    assert sum(title.startswith("Critical: ") for title in sink.titles()) == 1


async def test_an_outage_that_ends_while_the_service_is_dead_is_resolved_after_its_restart(
    deskwatch: Deskwatch, target: Target, sink: Sink
) -> None:
    await deskwatch.start()
    target.status = 503

    async def told() -> bool:
        return bool(sink.messages)

    await until(told, "the message")
    await until(deskwatch.has_noted_a_delivery, "the message to be written down as delivered")
    await deskwatch.end(signal.SIGKILL)
    target.status = 200
    await deskwatch.start()

    async def resolved() -> bool:
        return sink.titles()[-1].startswith("Resolved: Booking system is down")

    await until(resolved, "the resolved message")
