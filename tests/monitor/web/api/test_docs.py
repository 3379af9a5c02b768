"""The examples of the page about the API are sent as they stand there."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerting.oncall import Period, Person, Rotation, Schedule
from monitor.web.api import limits, paging, repeats

PAGE = Path(__file__).parents[4] / "docs" / "operations" / "api.md"
BASE = "$DESKWATCH"


def examples() -> list[str]:
    text = PAGE.read_text("utf-8").replace("\\\n", " ")
    return re.findall(r"^curl .*$", text, re.MULTILINE)


def options(words: list[str], name: str) -> list[str]:
    return [after for option, after in pairwise(words) if option == name]


@pytest.fixture
def staffed(harbour):
    schedule = Schedule(
        "everybody", ZoneInfo("Europe/Berlin"), Rotation(("ana",), Period.WEEK, 1, datetime.fromisoformat("2026-01-05"))
    )
    object.__setattr__(harbour.config, "people", (Person("ana", "Ana", ()), Person("bea", "Bea", ())))
    object.__setattr__(harbour.config, "schedules", (schedule,))
    return harbour


async def test_the_examples_work(staffed, admin) -> None:
    incident = (await admin.get("/incidents"))["items"][0]["id"]
    found = examples()
    assert len(found) > 15
    for line in found:
        words = shlex.split(line)
        path = words[-1].removeprefix(BASE).replace("INCIDENT", incident)
        body = options(words, "-d") or options(words, "--data-binary")
        headers = dict(one.split(": ", 1) for one in options(words, "-H") if not one.startswith("Authorization"))
        method = (options(words, "-X") or ["POST" if body else "GET"])[0]
        sent = body[0].replace("2027-01-01T", f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}T") if body else None
        answer = await admin.ask(method, path, data=sent, headers=headers)
        assert answer.status in (200, 201, 202), (line, await answer.text())


def test_the_page_names_the_limits_as_they_are() -> None:
    text = PAGE.read_text("utf-8")
    assert f"ask {limits.MOST} times a minute" in text
    assert f"{paging.USUAL} unless said,\n{paging.MOST} at most" in text
    assert f"{repeats.LARGEST // 1024} kB" in text
