"""Whatever dies, Deskwatch or a provider: the page arrives, once, and what became of it can be seen."""

import re
import signal
from functools import partial

import aiohttp
from stories.conftest import Clock, Deskwatch, until
from stories.on_call import Building, Phones, Visitor, incidents, signed_in, site, taps, thing, types


async def test_killed_between_detection_and_page_it_still_pages_and_its_timers_went_on(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    """`for`, the next step and a snooze run on the clock on the wall, not in the process."""
    night.write(
        site(
            building,
            "doors:\n",
            thing("door", "Front door", "rules: {down: {for: 10m}}"),
            "booking:\n",
            thing("booking", "Booking system"),
            "equipment:\n",
            thing("printer", "Printer"),
            "routes:\n",
            '  - {id: chat, to: "${env:CHAT}", sections: [equipment]}\n',
            "  - {id: pager, repeat: never, sections: [doors, booking], steps: [{to: ana}, {after: 10m, to: ben}]}\n",
        )
    )
    building.breaks("printer")
    await night.start()
    printer = await phones.hears("chat", "Critical: Printer is down")
    assert (await taps(printer.link, "snooze"))[0] == 200
    phones.hangs("ana")
    building.breaks("booking", "door")
    await phones.hears("ana", "Critical: Booking system is down")
    await until(lambda: is_judged(night, "door/http"), "the door to be noticed", every=1)
    await night.end(signal.SIGKILL)
    phones.works_again("ana")

    clock.advance(minutes=8)
    await night.start()
    again = await phones.hears("ana", "Critical: Booking system is down", times=2)
    assert "This may be a repeat" in again.body
    await building.is_asked("door", 2)
    assert phones.titles("ben") == []
    clock.advance(minutes=3)
    await phones.hears("ben", "Critical: Booking system is down")
    await phones.hears("ana", "Critical: Front door is down")
    assert len(phones.titles("chat")) == 1
    clock.advance(minutes=50)
    await phones.hears("chat", "Nobody has it yet: Printer is down")
    assert len(phones.read("ana", "Booking system")) == 2


async def test_while_a_provider_is_away_others_hear_and_it_catches_up_with_one_message_that_says_so(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    night.write(
        site(
            building,
            "booking:\n",
            thing("booking", "Booking system"),
            "routes:\n",
            '  - {id: chat, to: "${env:CHAT}", repeat: 5m}\n',
            '  - {id: desk, to: "${env:DESK}", repeat: never}\n',
            "  - {id: pager, repeat: never, steps: [{to: chat}, {after: 1m, to: ana}]}\n",
        )
    )
    phones.refuses("chat", 503, "upstream is being restarted")
    building.breaks("booking")
    await night.start()
    await phones.hears("desk", "Critical: Booking system is down")
    await phones.refuses_one("chat")
    assert phones.titles("ana") == []
    clock.advance(minutes=1)
    await phones.hears("ana", "Critical: Booking system is down")

    async with signed_in(night) as person:
        incident = (await incidents(night, str(night.config)))["booking"]
        for page in (f"/incidents/{incident['id']}", "/deliveries"):
            await until(partial(shows, person, page, "upstream is being restarted"), f"its words on {page}")
        await until(lambda: shows(person, "/deliveries", "Cannot be reached"), "the word that it cannot be reached")

    clock.advance(minutes=9)
    alarm = await phones.hears("desk", "Deskwatch could not reach chat")
    assert "upstream is being restarted" in alarm.body
    assert phones.titles("chat") == []
    phones.works_again("chat")
    clock.advance(minutes=2)
    late = await phones.hears("chat", "Booking system is down")
    assert re.match("Delayed 1[2-4] min: chat could not be reached before.", late.body)
    await building.is_asked("booking", 3)
    assert len(phones.titles("chat")) == 1


async def test_one_long_fault_is_one_page_and_a_reminder_an_hour_whatever_is_reloaded_or_restarted(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    night.write(
        site(
            building,
            "booking:\n",
            thing("booking", "Booking system"),
            'routes:\n  - {id: chat, to: "${env:CHAT}", repeat: 1h}\n',
        )
    )
    building.breaks("booking")
    await night.start()
    await phones.hears("chat", "Critical: Booking system is down")
    await building.is_asked("booking", 3)
    async with aiohttp.ClientSession() as client, client.post(f"{night.url}/-/reload") as answer:
        assert answer.ok
    await building.is_asked("booking", 2)
    await night.end()
    clock.advance(minutes=50)
    await night.start()
    await building.is_asked("booking", 3)
    assert phones.titles("chat") == ["Critical: Booking system is down (Harbour Street)"]
    for hour in (1, 2):
        clock.advance(hours=1)
        await phones.hears("chat", "Nobody has it yet: Booking system is down", times=hour)
    await building.is_asked("booking", 3)
    assert len(phones.titles("chat")) == 3


async def shows(person: Visitor, path: str, text: str) -> bool:
    return text in await person.reads(path)


async def is_judged(night: Deskwatch, check: str) -> bool:
    """Whether a rule of the check is true, though nobody was told yet."""
    return "became true" in (await types(night, "why", check, "--site", str(night.config)))[1]
