"""The calendars of the meeting rooms, as iCal feeds whose bookings lie around now."""

import secrets
from datetime import UTC, datetime, timedelta

from aiohttp import web

from monitor.demo.peers.web import WebPeer

_QUARTER = timedelta(minutes=15)
_ROOMS = {
    "harbour": ((-2, 4), (6, 10)),
    "lighthouse": ((14, 18),),
}
"""Bookings of each room, from and to so many quarters of an hour from now: one room is in use, the other is not."""


class Calendar(WebPeer):
    """Feeds at addresses that nobody can guess."""

    def __init__(self, address: str) -> None:
        self._key = secrets.token_hex(8)
        super().__init__(address, [web.get(f"/{self._key}/{{room}}.ics", self._feed)])

    def url(self, room: str) -> str:
        """Where the feed of a room is."""
        return f"http://{self.address}:{self.port}/{self._key}/{room}.ics"

    async def _feed(self, request: web.Request) -> web.Response:
        room = request.match_info["room"]
        if room not in _ROOMS:
            raise web.HTTPNotFound
        return web.Response(text=feed(room, datetime.now(UTC)), content_type="text/calendar")


def feed(room: str, now: datetime) -> str:
    """The calendar of a room as it is at a time."""
    quarter = now - (now - datetime.min.replace(tzinfo=UTC)) % _QUARTER
    events = [_event(quarter + begins * _QUARTER, quarter + ends * _QUARTER) for begins, ends in _ROOMS[room]]
    lines = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Harbour Street//Demo//EN", *events, "END:VCALENDAR", "")
    return "\r\n".join(lines)


def _event(begins: datetime, ends: datetime) -> str:
    uid = f"UID:{begins:%Y%m%dT%H%M}@harbour-street.example"
    times = f"DTSTART:{begins:%Y%m%dT%H%M%SZ}", f"DTEND:{ends:%Y%m%dT%H%M%SZ}"
    return "\r\n".join(("BEGIN:VEVENT", uid, *times, "SUMMARY:Booked", "END:VEVENT"))
