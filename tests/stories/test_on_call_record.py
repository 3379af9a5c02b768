"""What became of messages, and why somebody was paged or was not."""

import json
from functools import partial

from stories.conftest import Clock, Deskwatch, until
from stories.on_call import Building, Phones, Visitor, incidents, signed_in, site, thing, types


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
        phones.refuses("desk", 401, "the token has expired")
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

        for check, words in (
            (
                "booking/http",
                ("The rule down fired (critical).", "desk was told.", "try again later", "desk: accepted"),
            ),
            (
                "printer/http",
                ("chat was not told: quiet hours", "desk was not told: it does not want to hear of a warning"),
            ),
        ):
            await until(partial(explains, night, check, *words), f"why of {check} to say {words}", every=1)
        page = await person.reads("/why?about=booking/http")
        for text in ("desk was told.", "refused for now", "try again later"):
            assert text in page


async def shows(person: Visitor, path: str, text: str) -> bool:
    return text in await person.reads(path)


async def explains(night: Deskwatch, check: str, *words: str) -> bool:
    """Whether the answer to why somebody was paged, or was not, has all of these words."""
    answer = (await types(night, "why", check, "--site", str(night.config)))[1]
    return all(one in answer for one in words)


async def has_incident(night: Deskwatch, asset: str) -> bool:
    return asset in await incidents(night, str(night.config))
