"""A projector dies before a booking: the manager hears of it once, in time, and with everything that is needed."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from peers.ports import free_port
from peers.projector import Projector, projecting
from peers.service import until, watching
from stories.conftest import Sink, served

from monitor.store import incidents

SITE = """\
site: {{id: harbour, name: Harbour Street, timezone: Europe/Lisbon, capacity: 80}}
server: {{listen: "127.0.0.1:{port}"}}
storage: {{url: "sqlite:///{folder}/state.db"}}
defaults: {{interval: 1s, timeout: 1s, confirm: {{times: 1, gap: 0.1s}}}}
rooms:
  - id: boardroom
    name: Boardroom
    people: 12
    affects: Meetings there have no picture.
    remedy: Move the meeting to the Den.
    checks:
      - {{kind: rooms.pjlink, host: 127.0.0.1, port: {projector}}}
      - {{kind: rooms.readiness, calendar: "${{env:CALENDAR}}", timezone: Europe/Lisbon, lead: {lead}}}
routes:
  - {{id: manager, to: "${{env:MANAGER}}", severities: [warning, critical]}}
"""


async def test_a_projector_that_dies_45_minutes_before_a_booking_is_one_message_with_all_the_manager_needs(
    tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins = (datetime.now(UTC) + timedelta(minutes=45)).replace(microsecond=0)
    times = f"DTSTART:{begins:%Y%m%dT%H%M%SZ}\r\nDTEND:{begins + timedelta(hours=1):%Y%m%dT%H%M%SZ}\r\n"
    event = f"BEGIN:VEVENT\r\nUID:1\r\n{times}SUMMARY:Confidential\r\nEND:VEVENT\r\n"
    feed = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{event}END:VCALENDAR\r\n"

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=feed, content_type="text/calendar")

    projector = Projector()
    async with served(answer) as calendar, projecting(projector) as projects:
        monkeypatch.setenv("CALENDAR", f"http://{calendar}/boardroom.ics")
        monkeypatch.setenv("MANAGER", f"json://{sink.address}/")
        path, port = tmp_path / "site.yaml", free_port()

        def has_to_be_ready(minutes_before: int) -> None:
            written = SITE.format(port=port, folder=tmp_path, projector=projects, lead=minutes_before * 60)
            path.write_text(written)

        has_to_be_ready(30)
        async with watching(path) as service:

            async def ready(words: str) -> bool:
                reading = service.latest.get("boardroom/readiness")
                return reading is not None and words in reading.detail

            await until(lambda: ready("ready (next booking at"), "the room to be ready")
            projector.answers["%1ERST"] = "020000"
            await until(lambda: ready("not ready, but not needed yet"), "the fault to show on the board")
            assert sink.messages == []
            has_to_be_ready(50)  # now, as if the day had gone on until then
            assert (await service.reload()).ok

            async def told() -> bool:
                return len(sink.messages) > 0

            await until(told, "the message")
            title, body = sink.messages[0]["title"], sink.messages[0]["message"]
            assert title == "Critical: Boardroom is not ready (Harbour Street)"
            assert "pjlink: the projector reports a failure: lamp" in body
            at = f"{begins.astimezone(ZoneInfo('Europe/Lisbon')):%H:%M}"
            assert re.search(rf"next booking at (\w{{3}} )?{at}", body), body  # late in the evening it is tomorrow
            assert "Meetings there have no picture." in body
            assert "Move the meeting to the Den." in body
            assert "Confidential" not in json.dumps(sink.messages)

            projector.answers["%1ERST"] = "000000"

            async def over() -> bool:
                return len(sink.messages) > 1

            await until(over, "the end of it")
            assert sink.titles()[1:] == ["Resolved: Boardroom is not ready (Harbour Street)"]
            async with service.store.connect() as conn:
                record = await incidents.page(conn)
            (incident,) = (one for one in record if one.asset == "boardroom")
            timeline = " ".join(entry.text for entry in incident.timeline)
            assert "lamp" in timeline
            assert "next booking at" in timeline
            assert incident.resolved is not None
