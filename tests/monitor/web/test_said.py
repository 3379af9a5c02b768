"""Every page says everything in the language of its reader: nothing of it stands outside of the catalogue."""

from html.parser import HTMLParser

from aiohttp.test_utils import TestClient
from peers.furnished import PAGES, furnish
from peers.marked import Marked, english
from peers.marked import marked as marked

GIVEN = ("bdi", "time", "code", "pre", "script", "style", "textarea", "option", "q")
"""Elements whose text is not ours: names, times, identifiers, and what people typed."""
SPOKEN = ("aria-label", "title", "placeholder", "alt")
DATA = (
    """
Harbour Hall | Europe/Berlin | Nordnet fibre | Nordnet fibre is down | Street door | Street door is down
Street door answers slowly | Hall door | Hall door is down | No sound in Elbe | UPS in the rack | Wi-Fi Members
Members Wi-Fi | Internet | Boardroom projector | Boardroom projector does not answer | Restore test
Restore test is due on Fri 4 Dec
1 thing needs you before opening | Order spare batteries | new drum | Ben Sousa | ana | ben/phone | chat | pager | it
grafana | old script | Week | Week by the hour | Worst devices on the members' network
fibre/ping | lte/ping | restore/duty | ping | internet.ping | passive.review | probe_icmp_rtt_seconds (median)
timeout | ok
text/plain | HTML | JSON | CSV | TXT | MD | RSS | Atom | UTC | CPython | Python | Linux | SQLite | x86_64 | aarch64
""".strip()
    .replace("\n", " | ")
    .split(" | ")
)
"""Names of the site, and what people wrote; languages, formats and zones."""
VOID = ("br", "hr", "img", "input", "link", "meta", "wbr", "use", "path")


class Said(HTMLParser):
    """The sentences of a page, without what is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sentences: list[str] = []
        self._inside: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = tag in GIVEN or ("lang", "en") in attrs or ("translate", "no") in attrs or self._is_inside
        self.sentences += [value for name, value in attrs if name in SPOKEN and value and not given]
        if tag not in VOID:
            self._inside.append(given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._is_inside:
            self.sentences.append(data)

    @property
    def _is_inside(self) -> bool:
        return bool(self._inside) and self._inside[-1]


async def test_every_page_says_all_of_it(harbour, make_asset, person: TestClient, marked: Marked) -> None:
    places = await furnish(harbour, make_asset)
    found = {}
    for addresses in PAGES.values():
        for address in addresses:
            answer = await person.get(
                address.format(**places._asdict()), headers={"Accept-Language": "de", "Accept": "text/html"}
            )
            assert answer.status == 200, address
            said = Said()
            said.feed(await answer.text())
            if left := [one.strip() for one in said.sentences if any(len(word) > 1 for word in english(one, DATA))]:
                found[address] = left
    assert found == {}
