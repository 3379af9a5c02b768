"""What is saved comes back as it was: episodes, rule states, incidents, sessions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import IntegrityError, StatementError

from alerting.gates import Gate, Hold
from alerting.rules import Episode, Phase, Severity, State, Why
from incidents.incident import Entry, Incident, Ladder, Stage, Told, Waiting
from monitor.store import Store, StoreError, episodes, incidents, sessions
from monitor.store.incidents import Changed

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EPISODE = Episode(
    id="01A",
    check="uplink/ping",
    rule="down",
    severity=Severity.CRITICAL,
    phase=Phase.FIRING,
    opened=NOW,
    last_true=NOW + MINUTE,
    fired=NOW + MINUTE,
    value=0.1,
    reason="timeout",
    detail="no answer",
)
INCIDENT = Incident(
    id="01B",
    asset="uplink",
    title="The main uplink is down",
    severity=Severity.CRITICAL,
    opened=NOW,
    firing=frozenset({"01A", "01C"}),
    told=(Told("mail", "01A"), Told("chat", "01A", 2, 3600, NOW + MINUTE)),
    timeline=(Entry(NOW, "Deskwatch", "Incident opened."),),
)


async def test_a_rule_state_comes_back_with_its_open_episode(store: Store) -> None:
    pending = replace(EPISODE, id="01P", rule="loss", phase=Phase.PENDING, deadline=NOW + MINUTE, fired=None)
    wanted = {
        ("uplink/ping", "down"): State((True, False, True), EPISODE),
        ("uplink/ping", "loss"): State((True,), pending),
        ("door/tcp", "down"): State((False,)),
    }
    async with store.begin() as conn:
        await episodes.save_state(conn, "door/tcp", "late", State((True,)))
        await episodes.save_states(conn, {("door/tcp", "late"): State(), **wanted})
    async with store.connect() as conn:
        assert await episodes.states(conn) == wanted


async def test_the_newest_state_counts_and_the_empty_one_is_forgotten(store: Store) -> None:
    worse = replace(EPISODE, last_true=NOW + 2 * MINUTE, detail="still no answer")
    async with store.begin() as conn:
        await episodes.save_state(conn, "uplink/ping", "down", State((True,), EPISODE))
        await episodes.save_state(conn, "uplink/ping", "down", State((True, True), worse))
        assert await episodes.states(conn) == {("uplink/ping", "down"): State((True, True), worse)}
        await episodes.save_state(conn, "uplink/ping", "down", State())
        assert await episodes.states(conn) == {}
        assert await episodes.recent(conn, "uplink/ping") == (worse,)


async def test_an_episode_keeps_its_incident_whatever_is_saved_later(store: Store) -> None:
    closed = replace(EPISODE, phase=Phase.RESOLVED, closed=NOW + 2 * MINUTE, why=Why.RECOVERED)
    free = replace(EPISODE, id="01P", rule="loss", opened=NOW - MINUTE)
    async with store.begin() as conn:
        # before its incident, in the same transaction
        await episodes.save_all(conn, [(free, None), (EPISODE, "01B")])
        await incidents.save(conn, INCIDENT)
    async with store.begin() as conn:
        await episodes.save_all(conn, [(closed, None), (free, None)])
        await episodes.save_state(conn, "uplink/ping", "down", State((True,), closed))
        assert await episodes.incident_of(conn, "01A") == "01B"
        assert await episodes.incident_of(conn, "01P") is None
        assert await episodes.incident_of(conn, "01Z") is None
        assert await episodes.recent(conn, "uplink/ping") == (closed, free)


async def test_an_episode_of_an_incident_that_does_not_exist_is_our_mistake_and_refused(store: Store) -> None:
    with pytest.raises(IntegrityError):
        async with store.begin() as conn:
            await episodes.save(conn, EPISODE, "01X")
    async with store.connect() as conn:
        assert await episodes.recent(conn, "uplink/ping") == ()


async def test_the_recent_episodes_of_a_check_come_newest_first(store: Store) -> None:
    many = [replace(EPISODE, id=f"01{n}", opened=NOW + n * MINUTE) for n in range(5)]
    async with store.begin() as conn:
        for one in many:
            await episodes.save(conn, one)
        assert await episodes.recent(conn, "uplink/ping", 2) == (many[4], many[3])


async def test_an_incident_comes_back_as_it_was_saved(store: Store) -> None:
    async with store.begin() as conn:
        await incidents.save(conn, INCIDENT)
    async with store.connect() as conn:
        assert await incidents.get(conn, "01B") == INCIDENT
        assert await incidents.get(conn, "01Z") is None


async def test_saving_an_incident_again_adds_to_its_timeline_and_replaces_who_was_told(store: Store) -> None:
    later = replace(
        INCIDENT,
        stage=Stage.RESOLVED,
        firing=frozenset(),
        told=(Told("chat", "01C"),),
        timeline=(*INCIDENT.timeline, Entry(NOW, "Ann", "Router restarted ☕"), Entry(NOW, "Deskwatch", "Resolved.")),
        acknowledged=NOW,
        acknowledged_by="Ann",
        resolved=NOW + MINUTE,
        member_minutes=12.5,
        impact="12.5 member-minutes",
    )
    async with store.begin() as conn:
        await incidents.save(conn, INCIDENT)
        await incidents.save(conn, later)
        assert await incidents.get(conn, "01B") == later
        forgetful = replace(later, timeline=(), told=())
        await incidents.save(conn, forgetful)
        assert await incidents.get(conn, "01B") == replace(later, told=())


async def test_incidents_are_listed_by_stage_by_page_and_while_time_can_change_them(store: Store) -> None:
    stages = [Stage.OPEN, Stage.RESOLVED, Stage.ACKNOWLEDGED, Stage.REVIEWED, Stage.OPEN]
    never = (Told("chat", "01A"),)
    many = [replace(INCIDENT, id=f"01{n}", stage=stage) for n, stage in enumerate(stages)]
    many[3] = replace(many[3], rechecked=NOW)
    many[4] = replace(many[4], told=never)
    async with store.begin() as conn:
        for one in many:
            await incidents.save(conn, one)
        assert await incidents.live(conn) == (many[0], many[2], many[4])
        assert await incidents.page(conn, 2) == (many[4], many[3])
        assert await incidents.page(conn, 2, before="013") == (many[2], many[1])
        assert await incidents.watched(conn) == (many[0], many[2], many[3], many[4])


async def test_who_waits_and_how_far_a_route_was_climbed_is_stored_and_replaced(store: Store) -> None:
    hold = Hold(Gate.QUIET_HOURS, "chat", NOW + MINUTE, "quiet hours until 07:30")
    waits = replace(
        INCIDENT,
        waiting=(Waiting("chat", "01A", NOW, hold), Waiting("mail", "01A", NOW + MINUTE, hold._replace(until=None))),
        ladders=(Ladder("pager", "01A", 1, NOW), Ladder("phone", "01A", 0, None)),
        joined=frozenset({"01A"}),
        acknowledged_until=NOW,
        settles=NOW + MINUTE,
    )
    async with store.begin() as conn:
        await incidents.save_all(conn, [Changed(waits, None)])
        assert await incidents.get(conn, waits.id) == waits
        released = replace(waits, waiting=(), ladders=waits.ladders[:1], joined=frozenset())
        await incidents.save_all(conn, [Changed(released, waits)])
        assert await incidents.get(conn, waits.id) == released


async def test_text_from_outside_is_stored_whatever_it_holds(store: Store) -> None:
    nasty = replace(EPISODE, detail="nul \0, half \ud83d, whole 😀")
    async with store.begin() as conn:
        await episodes.save(conn, nasty)
        (stored,) = await episodes.recent(conn, "uplink/ping")
    assert stored.detail == "nul \ufffd, half \ufffd, whole 😀"


async def test_times_are_exact_to_the_microsecond_in_any_zone_and_never_naive(store: Store) -> None:
    east = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
    async with store.begin() as conn:
        await episodes.save(conn, replace(EPISODE, opened=east))
        (stored,) = await episodes.recent(conn, "uplink/ping")
    assert (stored.opened, stored.opened.utcoffset()) == (NOW, timedelta())
    with pytest.raises(StatementError, match="has no zone"):
        async with store.begin() as conn:
            await episodes.save(conn, replace(EPISODE, opened=NOW.replace(tzinfo=None)))


async def test_a_session_is_found_by_its_digest_until_it_expires_or_is_revoked(store: Store) -> None:
    expires = NOW + 10 * MINUTE
    async with store.begin() as conn:
        await sessions.create(conn, sessions.Session(b"digest", "Ann", NOW, NOW, expires))
        await sessions.create(conn, sessions.Session(b"other", "Bob", NOW, NOW, expires))
        assert await sessions.find(conn, b"digest", NOW) == sessions.Session(b"digest", "Ann", NOW, NOW, expires)
        assert await sessions.find(conn, b"nobody", NOW) is None
        assert await sessions.find(conn, b"digest", expires) is None
        await sessions.revoke(conn, b"digest")
        await sessions.revoke(conn, b"digest")
        assert await sessions.find(conn, b"digest", NOW) is None
        assert await sessions.find(conn, b"other", NOW) is not None


async def test_a_session_that_nobody_used_for_twelve_hours_is_over(store: Store) -> None:
    hour = 60 * MINUTE
    async with store.begin() as conn:
        await sessions.create(conn, sessions.Session(b"digest", "Ann", NOW, NOW, NOW + 100 * hour))
        assert await sessions.find(conn, b"digest", NOW + 11 * hour) is not None
        await sessions.touch(conn, b"digest", NOW + 11 * hour)
        assert await sessions.find(conn, b"digest", NOW + 22 * hour) is not None
        assert await sessions.find(conn, b"digest", NOW + 23 * hour) is None
        assert await sessions.of(conn, None, NOW + 23 * hour) == ()


async def test_the_sessions_of_one_person_end_together_but_for_the_one_that_is_kept(store: Store) -> None:
    mine = [sessions.Session(digest, "ann", NOW, NOW, NOW + MINUTE, "ann", "192.0.2.1", "A browser") for digest in
            (b"one", b"two", b"three")]  # fmt: skip
    other = sessions.Session(b"four", "admin", NOW, NOW, NOW + MINUTE)
    async with store.begin() as conn:
        for one in (*mine, other):
            await sessions.create(conn, one)
        assert set(await sessions.of(conn, "ann", NOW)) == set(mine)
        assert await sessions.revoke_all(conn, "ann", b"two") == 2
        assert await sessions.of(conn, "ann", NOW) == (mine[1],)
        assert await sessions.of(conn, None, NOW) == (other,)


async def test_a_reading_transaction_refuses_to_write(store: Store) -> None:
    with pytest.raises(StoreError, match=r"write access|write transaction"):
        async with store.connect() as conn:
            await sessions.touch(conn, b"digest", NOW)
