"""Names, messages and answers that try to be more than text, put into everything that somebody else can fill."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from typing import Any

from pydantic import BaseModel, SecretStr
from sqlalchemy import update

from monitor.config.model import Oidc
from monitor.people.roles import Role
from monitor.reports.document import to_json
from monitor.sites import Heard, SiteBoard
from monitor.store import reports, tables
from monitor.store.columns import Words
from monitor.store.tables import metadata
from probes._engines.uplinks import Contract, Uplink

TEXTS = {
    "markup": '=1<script>alert(1)</script><pwn owned="1">\'"</title></textarea></style><pwn owned=1> {{999983*999979}}',
    "attribute": "+1\"><img src=x onerror=alert(1) owned=1>' owned='1 \x1b[31m\x1b]0;pwn\x07\x9b2J\x00 %(x)s {x} {0}",
    "direction": "-1\u202e\u2066\u2069\u200f\ud800\U0001f3e2 [x](javascript:alert(1)) `x` ![x](http://x)",
    "lines": "@SUM(1)\r\nBcc: pwn@example.org\r\n\r\n<svg onload=alert(1) owned=1>\n# pwn\n| a | b |",
    "length": "javascript:alert(1)//" + "W" * 10_000 + "<pwn owned>",
}
"""What a device, a member or a provider may call itself, by what it attacks."""

OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)  # fmt: skip
"""Characters that a terminal or a browser obeys instead of showing them, but for tabs and line ends."""
FORMULA = re.compile(r"\s*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet computes."""
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?")

_OURS = (
    *("asset", "by", "check", "depends_on", "destination", "episode", "fallback", "firing", "id", "incident", "joined"),
    *("key", "kind", "label"),
    *(
        "language",
        "link",
        "matchers",
        "merged_into",
        "metric",
        "part",
        "person",
        "route",
        "rule",
        "schedule",
        "section",
    ),
    *("tags", "type", "zone"),
)
"""Fields that hold a name of ours, which has a pattern or is made by us, and no words of somebody else."""
_ADDRESSES = ("href", "src", "action", "formaction", "data", "poster", "xlink:href")


def spoilt(value: Any, text: str) -> Any:
    """The value with that text in the place of all words in it that somebody else can choose."""
    if type(value) is str:
        return text
    if type(value) in (tuple, list, frozenset):
        return type(value)(spoilt(one, text) for one in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return value._replace(**{name: spoilt(getattr(value, name), text) for name in _free(value._fields)})
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{name: spoilt(getattr(value, name), text) for name in _free(_names(value))})
    return value


async def spoil(space: Any, text: str) -> None:
    """Put the text into everything that a furnished space has from a configuration, a device or a person."""
    _spoil_configuration(space, text)
    _spoil_state(space, text)
    await spoil_store(space.store, text)
    space.touch()


async def spoil_store(store: Any, text: str) -> None:
    """Put the text into every column that is declared to hold somebody else's words, and into all reports."""
    async with store.begin() as conn:
        for table in metadata.sorted_tables:
            words = [column for column in table.c if isinstance(column.type, Words) and column.name not in _OURS]
            for column in words:
                await conn.execute(update(table).where(column.is_not(None)).values({column: text}))
        for id, document in await reports.page(conn):
            said = to_json(spoilt(document, text))
            await conn.execute(update(tables.reports).where(tables.reports.c.id == id).values(document=said))


def taken_apart(html: str) -> list[tuple[str, dict[str, str]]]:
    """The elements of a page with their attributes, as a browser takes it apart."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser.elements


def intrusions(html: str) -> list[str]:
    """What of a page would be an element, an attribute or an address that came from one of the texts."""
    found = [OBEYED.findall(html)] if OBEYED.search(html) else []
    if "999962000357" in html:
        found.append(["an expression was evaluated"])
    for name, attributes in taken_apart(html):
        if name in ("pwn", "iframe", "object", "embed", "base") or "owned" in attributes:
            found.append([name, *attributes])
        if name in ("script", "img") and not attributes.get("src", "").startswith("/static/"):
            found.append([name, *attributes.values()])
        found += [[name, key] for key in attributes if key.startswith("on") or key == "style" or not key.isascii()]
        found += [[name, attributes[key]] for key in _ADDRESSES if _leads_astray(attributes.get(key, ""))]
    return [" ".join(one) for one in found]


def strings(value: Any) -> Iterator[str]:
    """Every text in what JSON says, the names of fields too."""
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from strings(one)
        case dict():
            for name, one in value.items():
                yield name
                yield from strings(one)


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would compute a cell."""
    return FORMULA.match(cell) is not None and _NUMBER.fullmatch(cell) is None


def _leads_astray(address: str) -> bool:
    return re.match(r"[\s\x00-\x20]*(javascript|data|vbscript):", address, re.IGNORECASE) is not None


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))


def _names(value: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(value) if one.init)


def _free(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name not in _OURS]


def _spoil_configuration(space: Any, text: str) -> None:
    config = space.config
    line = Uplink.model_construct(**{**dict(Uplink()), "provider": text, "contract": _contract(text)})
    assets = [
        replace(spoilt(one, text), checks=tuple(_check(check, text) for check in one.checks)) for one in config.assets
    ]
    oidc = Oidc("https://id.example.org", text, "deskwatch", SecretStr("s"), (), "name", "role", {"x": Role.VIEWER})
    space.config = replace(
        config,
        site=replace(config.site, name=text),
        assets=tuple(replace(one, uplink=line) if one.section == "uplinks" else one for one in assets),
        people=tuple(replace(one, name=text) for one in config.people),
        maintenances=tuple(replace(one, name=text) for one in config.maintenances),
        status_page=spoilt(config.status_page, text),
        other_sites=tuple(replace(one, name=text) for one in config.other_sites),
        server=replace(config.server, oidc=oidc),
    )  # fmt: skip


def _contract(text: str) -> Contract:
    return Contract.model_construct(**{**dict(Contract()), "currency": text, "fee": 100.0})


def _check(check: Any, text: str) -> Any:
    said = {name: text for name in ("what",) if hasattr(check.params, name)}
    params = check.params.model_copy(update=said) if isinstance(check.params, BaseModel) else check.params
    return replace(check, params=params, rules=tuple(replace(one, says=text) for one in check.rules))


def _spoil_state(space: Any, text: str) -> None:
    for check, reading in space.latest.items():
        samples = tuple(one._replace(part=one.part and text) for one in reading.samples)
        space.latest[check] = replace(reading, detail=text, samples=samples)
    for key, state in space.episodes.items():
        space.episodes[key] = state._replace(episode=state.episode and replace(state.episode, detail=text))
    space.silences, space.overrides = spoilt(space.silences, text), spoilt(space.overrides, text)
    _spoil_audits(space.audits, text)
    space.troubles = (text,)
    space.reloads = space.reloads._replace(ok=False, problems=(text,))
    space.others = {id: _heard(one, text) for id, one in space.others.items()}
    space.reached = {id: spoilt(one, text) for id, one in space.reached.items()}


def _heard(heard: Heard, text: str) -> Heard:
    """What another site's Deskwatch says of itself, as it is read."""
    if heard.board is None:
        return heard
    said = text.encode(errors="replace").decode()
    words = dict.fromkeys(("title", "affects", "remedy", "held_by", "asset", "incident"), said)
    things = [one.model_dump() | words for one in heard.board.things]
    board = heard.board.model_dump() | {"name": said, "headline": said, "site": said, "things": things}
    return heard._replace(board=SiteBoard.model_validate(board))


def _spoil_audits(audits: Any, text: str) -> None:
    audit = audits.of("locks/duty")
    findings = tuple(replace(one, names=(text,), emails=(text,), words=text) for one in audit.findings)
    audits.take("locks/duty", replace(audit, findings=findings))
