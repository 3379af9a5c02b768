"""Who is told, who answers, and who is asked next: the people of a night on call."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stories.conftest import Clock, Deskwatch
from stories.on_call import Building, Phones, incidents, opens, signed_in, site, taps, thing, types

BEN = '  - {id: ben, name: Ben Sousa, to: "${env:BEN}"}\n'


async def test_nobody_answers_so_the_next_is_asked_until_a_tap_on_a_phone_ends_it_for_as_long_as_that_holds(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    night.write(
        site(
            building,
            "booking:\n",
            thing("booking", "Booking system"),
            "routes:\n",
            '  - {id: chat, to: "${env:CHAT}", severities: [warning]}\n',
            "  - {id: pager, steps: [{to: ana}, {after: 10m, to: ben}, {after: 10m, to: chat}]}\n",
        )
    )
    building.breaks("booking")
    await night.start()
    first = await phones.hears("ana", "Critical: Booking system is down")
    clock.advance(minutes=10)
    second = await phones.hears("ben", "Critical: Booking system is down")

    assert "Nobody has it yet." in await opens(second.link), "a preview of the chat opens it"
    assert "Nobody has it yet." in await opens(second.link), "and has answered nothing"
    status, page = await taps(second.link, "acknowledge")
    assert status == 200
    assert "Ben Sousa has it until" in page
    assert "Ben Sousa has it until" in await opens(first.link)
    async with signed_in(night) as person:
        assert "Acknowledged by Ben Sousa, by the link sent to ben." in await person.reads(await page_of(night))
        assert "Ben Sousa" in await person.reads("/")
    assert (await taps(second.link, "acknowledge"))[0] == 410

    clock.advance(minutes=50)
    await building.is_asked("booking", 3)
    assert phones.titles("chat") == []
    assert [len(phones.titles(who)) for who in ("ana", "ben")] == [1, 1]

    clock.advance(hours=3, minutes=11)
    for who in ("ana", "ben"):
        lapsed = await phones.hears(who, "Nobody has it yet: Booking system is down")
        assert "Ben Sousa had it, but it still lasts" in lapsed.body
    await phones.hears("chat", "Critical: Booking system is down")


async def test_hours_without_anybody_on_call_are_said_days_before_and_then_the_fallback_hears(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones, tmp_path: Path
) -> None:
    now = clock.now.replace(second=0, microsecond=0)
    gap = (now + timedelta(days=5), now + timedelta(days=6))
    shifts = [("Ana Lopes", now - timedelta(days=4), gap[0]), ("Ben Sousa", gap[1], now + timedelta(days=20))]
    (tmp_path / "rota.ics").write_text(calendar(shifts))
    night.write(
        site(
            building,
            "booking:\n",
            thing("booking", "Booking system"),
            thing("kiosk", "Kiosk"),
            "on_call:\n  - {id: it, calendar: rota.ics, fallback: desk}\n",
            "routes:\n",
            '  - {id: desk, to: "${env:DESK}", severities: [warning]}\n',
            "  - {id: pager, steps: [{to: it}]}\n",
        )
    )
    where = str(night.config)
    assert "Ana Lopes" in (await types(night, "oncall", "who", where))[1]
    in_the_gap = ("--at", f"{gap[0] + timedelta(hours=2):%Y-%m-%d %H:%M}Z")
    assert (await types(night, "oncall", "who", where, *in_the_gap))[0] == 1
    asked = await types(night, "oncall", "who", where, *in_the_gap, "--asset", "booking", "--json")
    (route,) = json.loads(asked[1])
    assert [one["destination"] for one in route["reached"]] == ["desk"]
    silence = ("asset=kiosk", "--for", "3d", "--by", "Ana", "--comment", "new server", "--site", where)
    code, output = await types(night, "silence", "add", *silence)
    assert code == 0, output

    # Less than three days before the gap, and less than a tenth of the silence before its end.
    clock.advance(days=2, hours=20)
    await night.start()
    for words in ("Nobody is on call for it", "A silence ends"):
        await phones.hears("ana", words)

    clock.set(gap[0] + timedelta(hours=2))
    building.breaks("booking")
    await phones.hears("desk", "Critical: Booking system is down")
    why = await types(night, "why", "booking/http", "--site", where, "--at", f"{clock.now:%Y-%m-%d %H:%M}Z")
    assert "nobody is on call for it" in why[1]
    assert not phones.read("ana", "Booking system")
    building.works_again("booking")
    await phones.hears("desk", "Resolved: Booking system is down")
    clock.set(gap[1])
    building.breaks("booking")
    await phones.hears("ben", "Critical: Booking system is down")


async def test_a_rota_hands_over_by_the_clock_on_the_wall_through_the_changes_of_the_clocks(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    night.write(
        site(
            building,
            "booking:\n",
            thing("booking", "Booking system"),
            "on_call:\n",
            "  - {id: it, people: [ana, ben], rotate: daily, starts: 2026-03-27 09:00}\n",
            "  - {id: island, people: [ana, ben], rotate: weekly, starts: 2026-03-02 09:00, ",
            "timezone: Australia/Lord_Howe}\n",
            "routes:\n  - {id: pager, steps: [{to: it}, {after: 10m, to: it}]}\n",
        )
    )
    for schedule, at, who in (
        ("it", "2026-03-28 08:59", "Ana Lopes"),
        ("it", "2026-03-28 09:01", "Ben Sousa"),
        ("it", "2026-03-29 08:59", "Ben Sousa"),  # this night had no hour from one to two
        ("it", "2026-03-29 09:01", "Ana Lopes"),
        ("island", "2026-04-06 08:59+10:30", "Ana Lopes"),  # here the clock went back by half an hour
        ("island", "2026-04-06 09:01+10:30", "Ben Sousa"),
    ):
        shown = json.loads((await types(night, "oncall", "who", str(night.config), "--at", at, "--json"))[1])
        assert {one["schedule"]: one["person"] for one in shown}[schedule] == who, at

    # Whoever stands in goes first, of two the one who said so last; who has left is no longer in any of it.
    begin, end = clock.now + timedelta(days=7), clock.now + timedelta(days=8)
    for person in ("ana", "ben"):
        taken = ("it", person, f"{begin:%Y-%m-%d} 09:00", f"{end:%Y-%m-%d} 09:00", "--by", "Ana", "--site")
        assert (await types(night, "oncall", "override", *taken, str(night.config)))[0] == 0
    asked = ("oncall", "who", str(night.config), "--at", f"{begin:%Y-%m-%d} 12:00")
    assert "Ben Sousa" in (await types(night, *asked))[1]
    text = night.config.read_text()
    night.config.write_text(text.replace(BEN, ""))
    code, refused = await types(night, "check", str(night.config))
    assert (code, "`ben`" in refused) == (1, True), refused
    night.config.write_text(text.replace(BEN, "").replace("[ana, ben]", "[ana]"))
    assert "Ben Sousa" not in (await types(night, *asked))[1]
    assert "ignored" in (await types(night, "oncall", "overrides", str(night.config)))[1]
    night.config.write_text(text)

    # The clocks went forward last night. Ben has it until nine, Ana from then on: in the middle of it.
    clock.set(datetime(2026, 3, 29, 7, 55, tzinfo=UTC))
    building.breaks("booking")
    await night.start()
    await phones.hears("ben", "Critical: Booking system is down")
    assert phones.titles("ana") == []
    clock.advance(minutes=10)
    await phones.hears("ana", "Critical: Booking system is down")
    assert len(phones.titles("ben")) == 1

    building.works_again("booking")
    for who in ("ana", "ben"):
        await phones.hears(who, "Resolved: Booking system is down")


def calendar(shifts: list[tuple[str, datetime, datetime]]) -> str:
    """A rota as a calendar program exports it."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//rota//EN"]
    for number, (who, starts, ends) in enumerate(shifts):
        lines += ["BEGIN:VEVENT", f"UID:{number}@rota", f"SUMMARY:{who}"]
        lines += [f"DTSTART:{starts:%Y%m%dT%H%M%SZ}", f"DTEND:{ends:%Y%m%dT%H%M%SZ}", "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


async def page_of(night: Deskwatch) -> str:
    """The page of the booking system's newest incident."""
    return f"/incidents/{(await incidents(night, str(night.config)))['booking']['id']}"
