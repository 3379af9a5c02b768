"""Why somebody was paged, or was not, from what the store holds."""

from datetime import UTC, datetime, timedelta

import pytest

from alerting.channels import Delivery, Key, NoticeKind, Notification, Outcome
from alerting.rules import Episode, Phase, Severity, Why
from alerting.verdicts import Decision, Verdict
from incidents.availability import Span
from monitor.config.model import Config
from monitor.store import Store, decisions, episodes, outbox, spans
from monitor.why import explain
from probes import Status

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CHECK = "portal/tcp"

SITE = """\
site: {id: harbour, name: Harbour Street, timezone: Europe/Lisbon}
booking:
  - id: portal
    checks: [{kind: internet.tcp, host: 127.0.0.1, port: 80}]
routes:
  - {id: chat, to: "${env:CHAT}"}
  - {id: pager, to: "${env:CHAT}", severities: [critical]}
"""

EPISODE = Episode(
    "01JE0000000000000000000000",
    CHECK,
    "down",
    Severity.WARNING,
    Phase.RESOLVED,
    opened=AT,
    last_true=AT + 2 * MINUTE,
    fired=AT + MINUTE,
    closed=AT + 3 * MINUTE,
    why=Why.RECOVERED,
    detail="connection refused",
)


def made(route: str, verdict: Verdict, words: str) -> Decision:
    return Decision(AT + MINUTE, CHECK, "down", EPISODE.id, "01JI0000000000000000000000", route, verdict, words)


async def test_one_route_was_told_and_accepted_and_another_did_not_want_it(store: Store, config: Config) -> None:
    key = Key(EPISODE.id, "chat", NoticeKind.FIRING, 0)
    async with store.begin() as conn:
        await episodes.save(conn, EPISODE)
        await decisions.add(
            conn, [made("chat", Verdict.TOLD, "chat"), made("pager", Verdict.UNWANTED, "only critical")]
        )
        message = Notification(key, Severity.WARNING, "Warning: Portal is down", "body")
        await outbox.enqueue(conn, message, "01JI0000000000000000000000", AT + MINUTE)
        (waiting,) = await outbox.waiting(conn, "chat")
        await outbox.lease(conn, "chat", [waiting.id], AT + 2 * MINUTE)
        await outbox.record(conn, key, Delivery(Outcome.ACCEPTED, "200"), AT + MINUTE, None)
        answer = await explain(conn, config, CHECK, AT + 2 * MINUTE)
        same = await explain(conn, config, EPISODE.id, AT)
    assert answer.summary == ("The rule down fired (warning). chat was told. pager was not told: only critical.")
    assert [(line.who, line.words) for line in answer.lines] == [
        ("rule down", "became true: connection refused"),
        ("chat", "accepted: 200"),
        ("chat", "message queued: Warning: Portal is down"),
        ("chat", "told: chat"),
        ("pager", "unwanted: only critical"),
        ("rule down", "fires (warning)"),
        ("rule down", "is over: recovered"),
    ]
    assert same == answer


async def test_a_time_to_the_minute_means_all_of_that_minute(store: Store, config: Config) -> None:
    async with store.begin() as conn:
        await episodes.save(conn, EPISODE)
        await decisions.add(conn, [made("chat", Verdict.TOLD, "chat")])
        answer = await explain(conn, config, CHECK, AT - timedelta(seconds=50))
    assert "chat was told" in answer.summary


async def test_a_silence_is_named_with_its_end(store: Store, config: Config) -> None:
    held = made("chat", Verdict.HELD, "silenced by Ana until 11:00: new switch")
    async with store.begin() as conn:
        await episodes.save(conn, EPISODE)
        await decisions.add(conn, [held])
        answer = await explain(conn, config, CHECK, AT + MINUTE)
    assert answer.summary.endswith("chat was not told: silenced by Ana until 11:00: new switch.")


async def test_a_failure_that_was_not_confirmed_is_named(store: Store, config: Config) -> None:
    words = "a second look did not find it again: timeout"
    async with store.begin() as conn:
        await spans.save(conn, [Span(CHECK, AT - MINUTE, AT + MINUTE, Status.UP, "ok")])
        await decisions.add(conn, [Decision(AT, CHECK, "", "", "", "", Verdict.UNCONFIRMED, words)])
        answer = await explain(conn, config, CHECK, AT)
    assert answer.summary == f"Nobody was paged: a failure was seen, but {words}."


async def test_a_condition_that_did_not_last_is_named(store: Store, config: Config) -> None:
    short = Episode(
        EPISODE.id, CHECK, "slow", Severity.WARNING, Phase.RESOLVED, AT, AT + MINUTE, closed=AT + 2 * MINUTE
    )
    async with store.begin() as conn:
        await episodes.save(conn, short)
        answer = await explain(conn, config, CHECK, AT + MINUTE)
    assert answer.summary == "The rule slow was true for 2 min, which was not long enough to fire."


async def test_well_and_unmeasured_are_told_apart(store: Store, config: Config) -> None:
    async with store.begin() as conn:
        unknown = await explain(conn, config, CHECK, AT)
        await spans.save(conn, [Span(CHECK, AT - MINUTE, AT + MINUTE, Status.UP, "ok")])
        well = await explain(conn, config, CHECK, AT)
    assert unknown.summary == "Nobody was paged: nothing was measured at that time, so nothing is known of it."
    assert well.summary == "Nobody was paged: the check was up (ok), and no rule was true."


async def test_what_nobody_watches_is_named_with_what_was_meant(store: Store, config: Config) -> None:
    async with store.connect() as conn:
        with pytest.raises(LookupError, match=r"no check and no episode `portal/tpc`; did you mean `portal/tcp`"):
            await explain(conn, config, "portal/tpc", AT)
