"""Memos of a real process with a moved clock: sent when due, also late, and honest about time without Deskwatch."""

import json
import re
from datetime import UTC, datetime

from stories.conftest import Clock, Deskwatch
from stories.on_call import Building, Phones, site, thing

TUESDAY = datetime(2026, 11, 24, 10, tzinfo=UTC)
"""In Lisbon clocks show what UTC is."""
ROUTES = """\
  - {id: chat, to: "${env:CHAT}"}
reports:
  weekly: {day: tue, at: "10:30", to: [ana]}
"""


async def test_an_hour_without_deskwatch_is_unknown_and_the_memo_that_was_due_comes_late(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    night.write(site(building, "booking:\n", thing("booking", "Booking system"), "routes:\n", ROUTES))
    clock.set(TUESDAY)
    await night.start()
    await building.is_asked("booking", 3)
    await night.end()

    clock.advance(hours=1)
    await night.start()
    memo = await phones.hears("ana", "Week 47: 16 Nov to 22 Nov 2026")
    assert "How reliable things were is not known: never measured." in memo.body
    await building.is_asked("booking", 3)
    await night.end()

    told = "report", "weekly", str(night.config), "--of", "2026-11-24", "--format"
    _, page = await night.run(*told, "md")
    gone = re.search(r"Deskwatch itself was not at work for (.+?) \((\d+) times, at most (.+?) at a time\)", page)
    assert gone is not None, page
    assert (gone[1], gone[3]) == ("1 d 11 h", "1 d 10 h")  # since Monday 00:00, and the hour
    assert int(gone[2]) >= 2  # a machine that stands still adds seconds
    _, document = await night.run(*told, "json")
    uptime = json.loads(document)["sections"][0]["blocks"][0]["figures"][0]
    assert (uptime["text"], uptime["value"]) == ("100 %", 1.0)
    assert uptime["note"].startswith("measured 0.")
    assert len(phones.read("ana", "Week 47")) == 1
