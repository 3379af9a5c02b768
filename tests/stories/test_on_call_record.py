"""What became of messages, and why somebody was paged or was not; and of five hundred alerts at once."""

import asyncio
import json
import re

import aiohttp
from stories.conftest import Clock, Deskwatch, until
from stories.on_call import Building, Phones, Visitor, incidents, signed_in, site, thing, types

ALERTS = 500


async def test_a_test_shows_what_each_provider_says_and_why_answers_for_who_was_paged_and_who_was_not(
    night: Deskwatch, clock: Clock, building: Building, phones: Phones
) -> None:
    night.write(
        site(
            building,
            "booking:\n",
            thing("booking", "Booking system"),
            "equipment:\n",
            thing("printer", "Printer", "rules: {down: {severity: warning}}"),
            "routes:\n",
            '  - {id: chat, to: "${env:CHAT}", quiet: {hours: {mon-sun: ["00:00-12:00", "12:00-24:00"]}}}\n',
            '  - {id: desk, to: "${env:DESK}", severities: [critical]}\n',
        )
    )
    where = str(night.config)
    phones.refuses("desk", 401, "the token has expired")
    tried = await types(night, "notify-test", "", where, "--json")
    answers = {one["destination"]: one for one in json.loads(tried[1])}
    assert (answers["chat"]["outcome"], answers["desk"]["outcome"]) == ("accepted", "dead")
    assert "the token has expired" in answers["desk"]["words"]
    assert phones.titles("chat") == [answers["chat"]["title"]]

    await night.start()
    async with signed_in(night) as person:
        await person.sends("/deliveries", "/deliveries/test", destination="desk")
        await phones.refuses_one("desk")
        await until(lambda: shows(person, "/deliveries", "the token has expired"), "the provider's words on the page")

        phones.refuses("desk", 503, "try again later")
        building.breaks("booking", "printer")
        await phones.hears("chat", "Critical: Booking system is down")
        await phones.refuses_one("desk")
        phones.works_again("desk")
        clock.advance(seconds=30)
        await phones.hears("desk", "Critical: Booking system is down")
        await until(lambda: has_incident(night, "printer"), "the printer's incident", every=1)

        paged = await types(night, "why", "booking/http", "--site", where)
        for words in ("The rule down fired (critical).", "desk was told.", "try again later", "desk: accepted"):
            assert words in paged[1]
        not_paged = await types(night, "why", "printer/http", "--site", where)
        for words in ("chat was not told: quiet hours", "desk was not told: it does not want to hear of a warning"):
            assert words in not_paged[1]
        page = await person.reads("/why?about=booking/http")
        for words in ("desk was told.", "refused for now", "try again later"):
            assert words in page


async def test_of_five_hundred_alerts_at_once_none_is_dropped_the_critical_one_goes_first_and_pages_still_open(
    night: Deskwatch, building: Building, phones: Phones
) -> None:
    night.write(site(building, 'routes:\n  - {id: chat, to: "${env:CHAT}", repeat: never}\n'))
    phones.refuses("chat", 503, "not yet")
    await night.start()
    async with signed_in(night) as person, aiohttp.ClientSession() as client, asyncio.timeout(60):
        for begin in range(0, ALERTS, 50):
            alerts = [alert(number) for number in range(begin, begin + 50)]
            async with client.post(f"{night.url}/api/v2/alerts", json=alerts) as answer:
                assert answer.ok, await answer.text()
            async with asyncio.timeout(10):
                assert "Harbour Street" in await person.reads("/")
        phones.works_again("chat")
        await until(lambda: names_all(phones), "messages that name all of them")
    # One message may have been under way in the moment in which the provider was back; the critical one is the next.
    assert any(title.startswith("Critical: ") for title in phones.titles("chat")[:2])
    assert len(phones.titles("chat")) <= 10
    metrics = (await night.get("/metrics"))[1]
    for line in (
        f'deskwatch_alerts_received_total{{outcome="taken"}} {ALERTS}.0',
        'deskwatch_alerts_received_total{outcome="left_out"} 0.0',
    ):
        assert line in metrics


def alert(number: int) -> dict[str, dict[str, str]]:
    """One of them; one in the middle is what matters."""
    severity = "critical" if number == ALERTS // 2 else "warning"
    return {"labels": {"alertname": "SensorSilent", "instance": f"sensor-{number}", "severity": severity}}


async def names_all(phones: Phones) -> bool:
    """Whether the messages to the chat count up to all of the alerts."""
    counted = [re.search(r"(\d+) things need attention", title) for title in phones.titles("chat")]
    return sum(int(found[1]) if found else 1 for found in counted) == ALERTS


async def shows(person: Visitor, path: str, text: str) -> bool:
    return text in await person.reads(path)


async def has_incident(night: Deskwatch, asset: str) -> bool:
    return asset in await incidents(night, str(night.config))
