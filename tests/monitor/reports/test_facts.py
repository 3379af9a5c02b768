"""Facts are everything that the store knows of a stretch of time, and nothing of another one."""

from datetime import UTC, date, datetime, timedelta

import pytest

from alerting.rules import Severity
from incidents.availability import Span
from incidents.incident import Incident, Stage
from monitor.config import Config
from monitor.recording import Recording
from monitor.reports.facts import gather
from monitor.store import Store, figures, incidents, recordings, signoffs, spans
from monitor.store.figures import Pushed
from monitor.store.signoffs import Signoff
from probes import Reading, Sample, Status

START = datetime(2026, 7, 5, 22, 0, tzinfo=UTC)
DAY = timedelta(days=1)
END = START + DAY
MADE = END + timedelta(hours=2)
LOSS = "probe_icmp_loss_ratio"

SITE = """\
site: {id: harbour, timezone: Europe/Berlin}
services: [{id: portal, checks: [{kind: internet.ping, host: 127.0.0.1}]}]
"""


def span(check: str, start: datetime, end: datetime) -> Span:
    return Span(check, start, end, Status.UP, "ok")


async def test_what_reaches_into_the_time_is_loaded_and_of_configured_checks_only(store: Store, config: Config) -> None:
    reaching = span("portal/ping", START - DAY, START + DAY / 2)
    incident = Incident("1", "portal", "Down", Severity.WARNING, START, Stage.OPEN)
    async with store.begin() as conn:
        await spans.save(conn, [reaching, span("portal/ping", END, MADE), span("gone/ping", START, END)])
        await incidents.save(conn, incident)
        await incidents.save(conn, Incident("2", "portal", "Later", Severity.WARNING, END, Stage.OPEN))
    async with store.connect() as conn:
        facts = await gather(conn, config, START, END, MADE)
    assert facts.spans == {"portal/ping": (reaching,)}
    assert facts.incidents == (incident,)
    assert (facts.start, facts.end, facts.made, facts.zone.key) == (START, END, MADE, "Europe/Berlin")
    assert (facts.latest, facts.series) == ({}, {})


async def test_figures_are_those_of_its_days_and_of_the_month_in_which_it_starts(store: Store, config: Config) -> None:
    days = [date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 6), date(2026, 7, 7)]
    pushed = [Pushed("adoption", day, 0.5, "Optix", MADE) for day in days]
    async with store.begin() as conn:
        await figures.save(conn, pushed)
        facts = await gather(conn, config, START, END, MADE)
    assert facts.figures == tuple(pushed[1:3])


async def test_signoffs_are_those_that_were_made_by_then(store: Store, config: Config) -> None:
    some = [Signoff(str(at), "doors/audit", at, "Ana", "", at, {}) for at in (START - 90 * DAY, START, END)]
    async with store.begin() as conn:
        for one in some:
            await signoffs.save(conn, one)
        facts = await gather(conn, config, START, END, MADE)
    assert facts.signoffs == (some[1], some[0])


async def test_only_the_metrics_that_are_asked_for_are_read(store: Store, config: Config) -> None:
    recording = Recording("portal/ping", START)
    samples = (Sample(LOSS, 0.5), Sample("probe_ip_protocol", 4))
    recording.add(Reading("portal/ping", START, 0.1, Status.UP, "ok", "", samples), START)
    async with store.begin() as conn:
        await recordings.save(conn, [recording])
        facts = await gather(conn, config, START, END, MADE, metrics=[LOSS])
    assert {key: [hour.mean for hour in hours] for key, hours in facts.series.items()} == {
        ("portal/ping", LOSS, ""): [0.5]
    }


async def test_a_time_that_is_no_time_is_refused(store: Store, config: Config) -> None:
    async with store.connect() as conn:
        with pytest.raises(ValueError, match="about some time"):
            await gather(conn, config, START, START, MADE)
