"""Before opening one message says whether the space is ready: once, whatever is killed; and its absence is said."""

import asyncio
import signal
from datetime import UTC, datetime

from stories.conftest import Clock, Deskwatch, until
from stories.on_call import Building, Phones, incidents, signed_in, site, thing

TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)
"""In Lisbon clocks show what UTC is."""
HOURS = 'timezone: Europe/Lisbon, opening_hours: {mon-sun: "08:00-20:00"}}'
REST = """\
  - {id: desk, to: "${env:DESK}", severities: [critical], assets: [booking]}
  - {id: chat, to: "${env:CHAT}"}
reports:
  morning: {before: 45m, to: [ana], deadline: 1m}
"""


async def test_the_morning_check_tells_of_the_night_once_and_says_when_it_was_missed(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    watched = ("booking:\n", thing("booking", "Booking system"), "doors:\n", thing("door", "Front door"))
    night.write(site(building, *watched, "routes:\n", REST).replace("timezone: Europe/Lisbon}", HOURS))

    async def is_at(stage: str) -> bool:
        found = await incidents(night, str(night.config))
        return "booking" in found and found["booking"]["stage"] == stage

    # A fault at three, which is gone at six.
    clock.set(TUESDAY.replace(hour=2))
    await night.start()
    clock.set(TUESDAY.replace(hour=3))
    await building.is_asked("booking", 2)
    building.breaks("booking")
    await until(lambda: is_at("open"), "the incident", every=1)
    clock.set(TUESDAY.replace(hour=6))
    await building.is_asked("booking", 2)
    building.works_again("booking")
    await until(lambda: is_at("resolved"), "its end", every=1)
    assert phones.titles("ana") == []

    # Its reader cannot be reached when the check is sent, and then the service is killed.
    phones.refuses("ana", 503, "later")
    clock.set(TUESDAY.replace(hour=7, minute=15))
    await phones.refuses_one("ana")
    await night.end(signal.SIGKILL)
    phones.works_again("ana")
    await night.start()
    ready = await phones.hears("ana", "Ready to open (Harbour Street)")
    assert "2 things checked at 07:15, all work." in ready.body
    assert "Overnight, and over: Booking system is down (Tue 24 Nov, 03:00 to 06:00, 3 h)." in ready.body

    # It is on the page; one that is asked for is kept there and sent to nobody.
    building.breaks("door")
    await building.is_asked("door", 2)
    async with signed_in(night) as person:
        assert "Happened overnight" in await person.reads("/morning")
        await person.sends("/morning", "/morning/run")

        async def shown() -> bool:
            return "1 thing needs you before opening" in await person.reads("/morning")

        await until(shown, "the one that was asked for")
    assert phones.titles("ana") == ["Ready to open (Harbour Street)"]

    # The next morning it does not run; whoever is on the critical routes hears that when it starts.
    await until(night.has_told_all, "what has arrived to be written down")
    await night.end(signal.SIGKILL)
    clock.set(TUESDAY.replace(day=25, hour=9))
    await night.start()
    missed = await phones.hears("chat", "The morning check was not sent (Harbour Street)")
    assert "It was due Wed 25 Nov, 07:15, and the space opened at 08:00" in missed.body
    await asyncio.gather(*(phones.hears(who, "was not sent") for who in ("chat", "desk")))
    assert phones.titles("ana") == ["Ready to open (Harbour Street)"]
