"""Every reader is answered in their language, and in nobody else's."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from aiohttp.test_utils import TestClient

from language import gettext, ngettext, speaking, translated
from monitor.config.model import Asset, PublicAsset, StatusPage
from monitor.web import words
from monitor.web.languages import COOKIE
from probes import UNKNOWN_REASONS, load

GERMAN, ENGLISH = {"Accept-Language": "de"}, {"Accept-Language": "en"}
BROWSER = {"Accept": "text/html"}
HOSTILE = (
    "<script>alert(1)</script>",
    "door\u202egpj.exe",
    "a\x00b",
    "{0} {name} %(name)s %s 100 %",
    "'\"><img src=x>",
)
PAGES = (("assets", ""), ("checks", "/ping"))
FOREIGN = (
    *("//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "evil", ""),
    *("/a\r\nSet-Cookie: x=1", "/\t/evil.example", "/\x00", "/\u202e"),
)


def german(message: str, **values: object) -> str:
    """The message in German, which is not what it is in English."""
    with speaking("de"):
        said = gettext(message, **values)
    assert said != message, f"not translated: {message}"
    return said


async def text_of(client: TestClient, path: str, **headers: str) -> str:
    answer = await client.get(
        path, headers=BROWSER | {name.replace("_", "-"): value for name, value in headers.items()}
    )
    return await answer.text()


def speaks(page: str) -> str:
    """The language that a page says it is in."""
    return page.partition('<html lang="')[2].partition('"')[0]


def from_here_on(space, language: str) -> None:
    site = replace(space.config.site, language=language)
    space.config = replace(space.config, site=site)


def published(space, *assets: Asset) -> None:
    names = tuple(PublicAsset(one.id, one.name, "") for one in assets)
    space.config = replace(space.config, status_page=StatusPage("Status", names, 7, ""))


@pytest.fixture
async def works(space, make_asset: Callable[..., Asset]) -> Asset:
    """The one thing that is watched, which works."""
    lift = make_asset("lift", "Lift", "equipment")
    space.add(lift)
    await space.works(lift)
    return lift


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("de", "de"),
        ("DE-at, en;q=0.5", "de"),
        ("fr, en;q=0.3, de;q=0.8", "de"),
        ("fr", "en"),
        ("de;q=x, ,;;=", "en"),
    ],
)
async def test_the_board_is_in_the_language_that_the_browser_asks_for(
    works: Asset, person: TestClient, accepted: str, spoken: str
) -> None:
    page = await text_of(person, "/", Accept_Language=accepted)
    assert speaks(page) == spoken
    assert (german("All working") if spoken == "de" else "All working") in page


async def test_without_a_word_of_the_reader_it_is_in_the_sites(space, works: Asset, person: TestClient) -> None:
    from_here_on(space, "de")
    assert speaks(await text_of(person, "/")) == "de"
    assert speaks(await text_of(person, "/", Accept_Language="fr")) == "de"
    assert speaks(await text_of(person, "/", Accept_Language="en")) == "en"


async def test_who_chooses_a_language_keeps_it_whatever_the_browser_asks_for(works: Asset, person: TestClient) -> None:
    answer = await person.post("/language", data={"language": "de", "back": "/wallboard"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/wallboard")
    cookie = answer.cookies[COOKIE]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("de", True, "Lax")
    assert int(cookie["max-age"]) > 300 * 86400
    page = await text_of(person, "/", **ENGLISH)
    assert speaks(page) == "de"
    assert 'name="language" value="en"' in page


async def test_strangers_choose_on_the_status_page_and_where_they_sign_in(
    space, works: Asset, stranger: TestClient
) -> None:
    published(space, works)
    for path in ("/status", "/sign-in"):
        answer = await stranger.post("/language", data={"language": "de", "back": path})
        assert answer.url.path == path
        assert speaks(await answer.text()) == "de"
        await stranger.post("/language", data={"language": "en", "back": path})


async def test_a_language_that_there_is_not_is_refused(person: TestClient) -> None:
    for code in ("", "fr", "DE", "de-at", "../de", "<script>", "\u202e", "x" * 5000):
        answer = await person.post("/language", data={"language": code, "back": "/"}, headers=BROWSER)
        page = await answer.text()
        assert answer.status == 400
        assert COOKIE not in answer.cookies
        assert "There is no language" in page
        for sign in ("<script>", "\u202e", "x" * 100):
            assert sign not in page


async def test_a_cookie_that_names_no_language_counts_for_nothing(works: Asset, person: TestClient) -> None:
    person.session.cookie_jar.update_cookies({COOKIE: "../../x"})
    assert speaks(await text_of(person, "/", Accept_Language="de")) == "de"


async def test_it_leads_to_no_other_site(stranger: TestClient) -> None:
    for back in FOREIGN:
        answer = await stranger.post("/language", data={"language": "de", "back": back}, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/"), back
        assert set(answer.cookies) == {COOKIE}


async def test_no_other_site_chooses_for_somebody(stranger: TestClient) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = await stranger.post("/language", data={"language": "de"}, headers=headers)
    assert answer.status == 403
    assert COOKIE not in answer.cookies


async def test_a_page_names_itself_as_where_to_come_back_to(harbour, person: TestClient) -> None:
    assert 'name="back" value="/incidents?stage=open&amp;text=a%22b"' in await text_of(
        person, '/incidents?stage=open&text=a"b'
    )
    refused = await person.post("/incidents/nothing/note", data={}, headers=BROWSER)
    assert 'name="back" value="/"' in await refused.text()


async def test_the_secret_of_a_sign_in_link_stays_out_of_the_page(stranger: TestClient) -> None:
    assert "SECRET" not in (await text_of(stranger, "/sign-in?token=SECRET")).partition("<footer")[2]


async def test_programs_are_answered_in_english_unless_they_ask(space, works: Asset, person: TestClient) -> None:
    from_here_on(space, "de")
    path = "/api/v1/checks/lift/ping/rules"
    ours, theirs = [await (await person.get(path, headers=headers)).text() for headers in ({}, GERMAN)]
    assert "when it is down" in ours
    assert german("when it is down") in theirs


async def test_errors_are_in_the_language_of_the_reader(person: TestClient) -> None:
    page = await text_of(person, "/nothing", **GERMAN)
    assert german("There is no such page. The board has everything that is watched.") in page
    assert german("Not found") in page


async def test_what_a_probe_found_is_said_to_be_english_and_its_reason_is_explained(
    harbour, person: TestClient
) -> None:
    page = await text_of(person, "/", **GERMAN)
    assert '<bdi lang="en">no answer from upsd: this machine has no route to it</bdi>' in page
    assert german(UNKNOWN_REASONS["no_network"])[1:] in page
    assert 'lang="en">no answer' not in await text_of(person, "/")


async def test_what_a_kind_says_is_in_german_and_what_people_wrote_as_they_did(
    space, person: TestClient, make_asset: Callable[..., Asset]
) -> None:
    probe = load("internet.ping")
    rule, metric = probe.rules[0], next(one for one in probe.metrics if one.name == "probe_icmp_duration_seconds")
    fibre = make_asset("fibre", "Fibre", "uplinks", says=rule.says, affects="Members have no internet.")
    lte = make_asset("lte", "LTE", "uplinks", says="is very slow")
    space.add(fibre, lte)
    await space.works(lte)
    await space.fails(fibre, "no answer")
    page = await text_of(person, "/assets/fibre", **GERMAN)
    for said in (german(rule.says), german("For members"), "Members have no internet."):
        assert said in page
    assert german(metric.help) in await text_of(person, "/assets/lte", **GERMAN)
    assert "is very slow" in await text_of(person, "/checks/lte/ping", **GERMAN)


async def test_hostile_names_are_text_within_sentences_of_another_language(
    space, person: TestClient, make_asset: Callable[..., Asset]
) -> None:
    bad = [make_asset(f"bad-{number}", name, "doors", affects=name, remedy=name) for number, name in enumerate(HOSTILE)]
    space.add(*bad)
    published(space, *bad)
    for one in bad:
        await space.fails(one, one.name)
    board = await text_of(person, "/", **GERMAN)
    assert "{0} {name} %(name)s %s 100 % is down" in board
    own = (f"/{kind}/bad-{number}{rest}" for number in range(len(bad)) for kind, rest in PAGES)
    for path in ("/", "/wallboard", "/status", "/status/feed.atom", *own):
        page = await text_of(person, path, **GERMAN)
        for sign in ("<script>", "<img src=x", "\u202e", "\x00"):
            assert sign not in page, path


async def test_braces_and_percents_of_a_name_stay_in_a_sentence_as_they_are(
    space, stranger: TestClient, make_asset: Callable[..., Asset]
) -> None:
    name = "{0} {when} %(name)s 100 %"
    odd = make_asset("odd", name, "doors")
    space.add(odd)
    published(space, odd)
    await space.fails(odd, "no answer")
    said = json.loads(await text_of(stranger, "/status.json", **GERMAN))["headline"]
    assert said.startswith(name)


async def test_nobody_gets_the_board_of_a_reader_of_another_language(harbour, person: TestClient) -> None:
    paths = ("/", "/fragment/board", "/wallboard", "/fragment/wallboard", "/assets/fibre")
    with speaking("de"):
        needs = {"en": "1 thing needs you", "de": ngettext("{number} thing needs you", "{number} things need you", 1)}
    working = {"en": "Working", "de": german("Working")}
    for _ in range(3):
        harbour.touch()
        asked = [(path, code) for path in paths for code in ("de", "en")]
        pages = await asyncio.gather(*(text_of(person, path, Accept_Language=code) for path, code in asked))
        for (path, code), page in zip(asked, pages, strict=True):
            other = "en" if code == "de" else "de"
            assert needs[code] in page or path == "/assets/fibre"
            assert needs[other] not in page
            assert f">{working[other]}<" not in page


async def test_the_status_page_its_feeds_and_badges_are_each_in_the_readers_language(
    harbour, stranger: TestClient
) -> None:
    published(harbour, *harbour.config.assets[:2])
    says = {"en": "is not working", "de": german("not working")}
    word = {"en": "some things do not work", "de": german("some things do not work")}
    for _ in range(2):  # the second answers are those that were kept
        for code, other in (("de", "en"), ("en", "de")):
            for path in ("/status", "/status.json", "/status/feed.atom", "/status/feed.rss"):
                page = await text_of(stranger, path, Accept_Language=code)
                assert word[other] not in page
            assert word[code] in await text_of(stranger, "/status/badge.svg", Accept_Language=code)
            answer = await stranger.get("/status", headers={"Accept-Language": code})
            assert answer.headers["Vary"] == "Accept-Language, Cookie"
    feed = ET.fromstring(await text_of(stranger, "/status/feed.atom", **GERMAN))
    assert says["en"] not in ET.tostring(feed, encoding="unicode")


async def test_a_kept_status_page_is_known_by_its_language_too(harbour, stranger: TestClient) -> None:
    published(harbour, *harbour.config.assets[:2])
    tags = {
        code: (await stranger.get("/status", headers={"Accept-Language": code})).headers["ETag"]
        for code in ("de", "en")
    }
    assert tags["de"] != tags["en"]
    answer = await stranger.get("/status", headers={"Accept-Language": "de", "If-None-Match": tags["en"]})
    assert answer.status == 200


async def test_figures_and_days_are_written_as_in_the_language() -> None:
    with speaking("de"):
        assert words.amount(1_234_567, "") == "1.234.567"
        assert words.amount(0.9951, "ratio") == "99,5 %"
        assert words.amount(21.5, "celsius") == f"21,5 {translated('celsius')}"
        assert words.amount(86_400, "seconds") == "1 Tag"
