"""What holds messages back holds them back and loses none: planned work, silences, quiet hours."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from functools import partial

import aiohttp
from stories.conftest import Clock, Deskwatch, until
from stories.on_call import Building, Phones, incidents, signed_in, site, taps, thing, types

TUESDAY = datetime(2026, 12, 1, tzinfo=UTC)
"""Lisbon's clock shows UTC in winter."""


async def test_resolved_reaches_those_who_heard_that_it_fires_whatever_was_held_back_since_and_nobody_else(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    night.write(
        site(
            building,
            "booking:\n",
            thing("booking", "Booking system"),
            "doors:\n",
            thing("door", "Front door"),
            "equipment:\n",
            thing("printer", "Printer", "rules: {down: {severity: warning}}"),
            "routes:\n",
            '  - {id: chat, to: "${env:CHAT}", sections: [equipment], quiet: {hours: {mon-sun: "22:00-07:00"}}}\n',
            "  - {id: pager, sections: [booking, doors], steps: [{to: ana}]}\n",
            "maintenance:\n",
            "  - {id: patches, assets: printer, from: 2026-12-01 22:00, to: 2026-12-01 23:00}\n",
        )
    )
    clock.set(TUESDAY.replace(hour=20))
    await night.start()
    clock.set(TUESDAY.replace(hour=21))
    async with signed_in(night) as person:
        await person.sends("/silences", "/silences", conditions="asset=door", lasts="4h", comment="painting")
        building.breaks("booking", "door", "printer")
        page = await phones.hears("ana", "Critical: Booking system is down")
        await phones.hears("chat", "Warning: Printer is down")
        await until(lambda: stage(night, "door", "open"), "the door's incident", every=1)
        assert (await taps(page.link, "acknowledge"))[0] == 200
        await person.sends("/silences", "/silences", conditions="asset=booking", lasts="4h", comment="known")

        clock.set(TUESDAY.replace(hour=22, minute=30))
        await asyncio.gather(*(building.is_asked(one, 2) for one in ("booking", "door", "printer")))
        building.works_again("booking", "door", "printer")
        for who, title in (("ana", "Resolved: Booking system is down"), ("chat", "Resolved: Printer is down")):
            end = await phones.hears(who, title)
            assert re.search(r"It has worked again since Tue 1 Dec, 22:3\d\. It lasted 1 h (29|3\d) min\.", end.body)
        await until(lambda: stage(night, "door", "resolved"), "the end of the door's incident", every=1)
        assert not phones.read("ana", "Front door")

        # The end of what is no longer watched says that, and not that it works.
        clock.set(TUESDAY.replace(day=2, hour=3))
        building.breaks("booking")
        await phones.hears("ana", "Critical: Booking system is down", times=2)
    night.config.write_text(night.config.read_text().replace("id: booking", "id: portal"))
    async with aiohttp.ClientSession() as client, client.post(f"{night.url}/-/reload") as answer:
        assert answer.ok, await answer.text()
    closed = await phones.hears("ana", "Closed: Booking system is down")
    assert "taken out of the configuration" in closed.body


async def test_planned_work_and_quiet_hours_hold_back_what_can_wait_and_lose_nothing_at_their_end(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    low = "rules: {down: {severity: warning}}"
    night.write(
        site(
            building,
            "booking:\n",
            thing("booking", "Booking system"),
            "doors:\n",
            thing("door", "Front door"),
            "equipment:\n",
            thing("backup", "Backup"),
            *(thing(name.lower(), name, low) for name in ("Printer", "Scale", "Lamp")),
            'routes:\n  - {id: chat, to: "${env:CHAT}", repeat: never, quiet: {hours: {mon-sun: "22:00-07:30"}}}\n',
            "maintenance:\n",
            '  - {id: nightly, name: Nightly copy, assets: backup, days: mon-sun, at: "03:00", lasts: 30m}\n',
            "  - {id: upgrade, name: Upgrade, assets: booking, from: 2026-12-08 12:00, to: 2026-12-08 13:00}\n",
        )
    )
    code, refused = await types(night, "silence", "add", "asset=~.*", *EVERYTHING, "--site", str(night.config))
    assert (code, "no condition names less than the whole site" in refused) == (2, True)

    # Every night: what is still broken when the work ends pages then.
    clock.set(TUESDAY.replace(hour=3, minute=5))
    await night.start()
    building.breaks("backup")
    await until(lambda: stage(night, "backup", "open"), "the backup's incident", every=1)
    async with signed_in(night) as person:
        incident = (await incidents(night, str(night.config)))["backup"]
        assert "Nightly copy" in await person.reads(f"/incidents/{incident['id']}")
        assert "Upgrade" in await person.reads("/maintenance")
    assert phones.titles("chat") == []
    clock.set(TUESDAY.replace(hour=3, minute=30))
    await phones.hears("chat", "Critical: Backup is down")

    # In the quiet hours of the next night only what is critical is told, and all else when they end.
    clock.set(TUESDAY.replace(hour=23))
    building.breaks("printer", "scale")
    for name in ("printer", "scale"):
        await until(partial(stage, night, name, "open"), f"the incident of the {name}", every=1)
    building.breaks("door")
    await phones.hears("chat", "Critical: Front door is down")
    building.works_again("scale")
    await until(lambda: stage(night, "scale", "resolved"), "the end of the scale's incident", every=1)
    assert len(phones.titles("chat")) == 2
    clock.set(TUESDAY + timedelta(days=1, hours=7, minutes=29, seconds=55))
    building.breaks("lamp")  # in the last seconds of the quiet
    for name in ("Printer", "Lamp"):
        await phones.hears("chat", f"{name} is down")
    gone = await phones.hears("chat", "Scale is down")
    assert gone.title == "Came and went: Scale is down (Harbour Street)"
    assert "nobody was disturbed" in gone.body

    # On the Tuesday after, work on the booking system alone. The front door breaks anew.
    building.works_again("door")
    await phones.hears("chat", "Resolved: Front door is down")
    clock.set(TUESDAY + timedelta(days=7, hours=12, minutes=10))
    building.breaks("booking", "door")
    await phones.hears("chat", "Critical: Front door is down", times=2)
    await until(lambda: stage(night, "booking", "open"), "the booking system's incident", every=1)
    assert not phones.read("chat", "Booking system")
    clock.set(TUESDAY + timedelta(days=7, hours=13))
    await phones.hears("chat", "Critical: Booking system is down")


EVERYTHING = ("--for", "1h", "--by", "Ana", "--comment", "quiet please")


async def stage(night: Deskwatch, asset: str, stage: str) -> bool:
    """Whether the newest incident of an asset is there yet."""
    found = (await incidents(night, str(night.config))).get(asset)
    return found is not None and found["stage"] == stage
