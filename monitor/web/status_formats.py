"""The status page for programs: as JSON, as feeds, as badges."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time
from email.utils import format_datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from language import gettext, month
from monitor.web.rows import stamp
from monitor.web.status_views import Outage, Public, Shown, View
from monitor.web.words import short

ATOM = "http://www.w3.org/2005/Atom"

_COLOURS = {
    Public.DOWN: "#b8232b",
    Public.DEGRADED: "#8f5400",
    Public.PLANNED: "#2258a8",
    Public.UNKNOWN: "#56626b",
    Public.WORKING: "#1a7446",
}
"""White text can be read on all of them."""
_WIDTH = 7
"""Of a character of a badge, in pixels; the text is fitted to it."""


def as_json(view: View) -> str:
    """The whole page; times are RFC 3339 in UTC, shares are from 0 to 1 and null where nothing is known."""
    data = {
        "title": view.title,
        "state": view.state.value,
        "headline": view.headline,
        "contact": view.contact,
        "assets": [_asset(one) for one in view.assets],
        "planned": [
            {"assets": list(one.names), "begin": stamp(one.starts), "end": stamp(one.ends)} for one in view.works
        ],
        "outages": [
            {
                "id": one.id,
                "asset": one.asset,
                "name": one.name,
                "state": one.state.value,
                "says": one.words,
                "begin": stamp(one.begin),
                "end": stamp(one.end),
            }
            for one in view.outages
        ],
    }
    return json.dumps(data)


def as_atom(view: View, base: str) -> str:
    """The outages as an Atom feed (RFC 4287); `base` is the address of the pages."""
    feed = ET.Element("feed", xmlns=ATOM)
    _text(feed, "title", view.title)
    _text(feed, "id", uuid5(NAMESPACE_URL, f"deskwatch:{view.site}:status").urn)
    _text(feed, "updated", _rfc3339(_updated(view)))
    ET.SubElement(feed, "link", rel="self", type="application/atom+xml", href=f"{base}/status/feed.atom")
    ET.SubElement(feed, "link", rel="alternate", type="text/html", href=f"{base}/status")
    _text(ET.SubElement(feed, "author"), "name", view.title)
    for one in view.outages:
        entry = ET.SubElement(feed, "entry")
        _text(entry, "title", one.words)
        _text(entry, "id", one.id)
        _text(entry, "published", _rfc3339(one.begin))
        _text(entry, "updated", _rfc3339(one.end or one.begin))
        ET.SubElement(entry, "link", rel="alternate", type="text/html", href=f"{base}/status")
        _text(entry, "content", _when(one, view)).set("type", "text")
    return _document(feed)


def as_rss(view: View, base: str) -> str:
    """The outages as RSS 2.0; `base` is the address of the pages."""
    rss = ET.Element("rss", {"version": "2.0", "xmlns:atom": ATOM})
    channel = ET.SubElement(rss, "channel")
    _text(channel, "title", view.title)
    _text(channel, "link", f"{base}/status")
    _text(channel, "description", gettext("What works and what does not: {title}", title=view.title))
    _text(channel, "lastBuildDate", format_datetime(_updated(view)))
    ET.SubElement(channel, "atom:link", rel="self", type="application/rss+xml", href=f"{base}/status/feed.rss")
    for one in view.outages:
        item = ET.SubElement(channel, "item")
        _text(item, "title", one.words)
        _text(item, "link", f"{base}/status")
        _text(item, "description", _when(one, view))
        _text(item, "guid", one.id).set("isPermaLink", "false")
        _text(item, "pubDate", format_datetime(one.begin))
    return _document(rss)


def as_badge(label: str, state: Public, everything: bool = False) -> str:
    """A small picture of a state; it has no style and no script, so that it can stand on any page."""
    name, word = short(label, 40), _word(state, everything)
    left, right = _WIDTH * len(name) + 12, _WIDTH * len(word) + 12
    size = {"width": str(left + right), "height": "20"}
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **size})
    svg.set("aria-label", f"{name}: {word}")
    _text(svg, "title", f"{name}: {word}")
    ET.SubElement(svg, "rect", {**size, "rx": "4", "fill": _COLOURS[state]})
    ET.SubElement(svg, "path", d=f"M4 0H{left}V20H4A4 4 0 0 1 0 16V4A4 4 0 0 1 4 0z", fill="#3b4540")
    for text, begin, width in ((name, 0, left), (word, left, right)):
        drawn = _text(svg, "text", text)
        place = {"x": str(begin + width / 2), "y": "14", "text-anchor": "middle", "fill": "#fff"}
        font = {"font-family": "Verdana, sans-serif", "font-size": "11", "textLength": str(width - 12)}
        drawn.attrib.update({**place, **font})
    return ET.tostring(svg, encoding="unicode")


def as_badge_json(label: str, state: Public, everything: bool = False) -> str:
    """A state as the makers of badges ask for it: the JSON of a Shields endpoint."""
    words: Mapping[str, Any] = {"label": short(label, 40), "message": _word(state, everything)}
    return json.dumps({"schemaVersion": 1, **words, "color": _COLOURS[state]})


def _asset(one: Shown) -> dict[str, Any]:
    whole = one.whole
    return {
        "id": one.public.id,
        "name": one.public.name,
        "state": one.state.value,
        "since": stamp(one.since),
        "says": one.says,
        "words": one.public.words if one.state.fails else "",
        "share": whole.ratio,
        "measured": whole.coverage,
        "days": [
            {"day": day.date.isoformat(), "share": day.found.ratio, "measured": day.found.coverage} for day in one.days
        ],
    }


def _word(state: Public, everything: bool) -> str:
    if everything and state.fails:
        return gettext("some things do not work")
    return gettext("everything works") if everything and state is Public.WORKING else state.within


def _when(one: Outage, view: View) -> str:
    begin = _local(one.begin, view)
    if one.end is None:
        return gettext("Since {begin}.", begin=begin)
    return gettext("From {begin} to {end}.", begin=begin, end=_local(one.end, view))


def _local(at: datetime, view: View) -> str:
    wall = at.astimezone(view.zone)
    return gettext(
        "{day} {month} {year}, {time}", day=wall.day, month=month(wall), year=wall.year, time=f"{wall:%H:%M}"
    )


def _updated(view: View) -> datetime:
    """When something last happened; without anything, this morning at midnight."""
    today = datetime.combine(view.now.astimezone(view.zone).date(), time.min, view.zone).astimezone(UTC)
    return max((one.end or one.begin for one in view.outages), default=today)


def _rfc3339(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _text(parent: ET.Element, name: str, text: str) -> ET.Element:
    made = ET.SubElement(parent, name)
    made.text = text
    return made


def _document(root: ET.Element) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
