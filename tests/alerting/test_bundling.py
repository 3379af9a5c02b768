"""What goes out next: urgent before old, one story per incident, few messages in a storm."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.bundling import SPACING, WINDOW, Plan, Sent, Story, Waiting, plan
from alerting.channels import NoticeKind
from alerting.rules import Severity

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
BUDGET = 10
FIRING, UPDATE, REPEAT = NoticeKind.FIRING, NoticeKind.UPDATE, NoticeKind.REPEAT
RESOLVED, MISSED = NoticeKind.RESOLVED, NoticeKind.MISSED


@dataclass
class Queue:
    """Messages that wait, numbered in the order in which they are put in."""

    rows: list[Waiting] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def put(
        self,
        story: str,
        kind: NoticeKind = FIRING,
        severity: Severity = Severity.CRITICAL,
        *,
        episode: str = "",
        age: timedelta = timedelta(),
        due: timedelta = timedelta(),
        heard: bool | None = None,
    ) -> Waiting:
        made = Waiting(
            id=next(self.numbers),
            story=story,
            episode=episode or f"{story}-e",
            kind=kind,
            sequence=0,
            severity=severity,
            created=NOW - age,
            due=NOW + due,
            attempts=0,
            repeated=False,
            heard=heard,
        )
        self.rows.append(made)
        return made

    def plan(self, sent: tuple[Sent, ...] = (), budget: int = BUDGET, now: datetime = NOW) -> Plan:
        return plan(self.rows, sent, budget, now)


@pytest.fixture
def queue() -> Queue:
    return Queue()


def sent(number: int, *, critical: bool = False, every: timedelta = SECOND) -> tuple[Sent, ...]:
    """So many messages up to now."""
    return tuple(Sent(NOW - n * every, critical) for n in range(number))


def test_nothing_waits_nothing_goes(queue: Queue) -> None:
    assert queue.plan() == Plan()


def test_a_single_message_goes_as_it_is(queue: Queue) -> None:
    one = queue.put("door")
    assert queue.plan() == Plan((Story((one,), one),))


def test_what_is_not_due_waits_and_the_plan_says_when_it_is(queue: Queue) -> None:
    queue.put("door", due=2 * MINUTE)
    queue.put("printer", due=MINUTE)
    assert queue.plan() == Plan(again=NOW + MINUTE)


def test_critical_messages_go_first_and_together_then_the_rest_by_age(queue: Queue) -> None:
    slow = queue.put("printer", severity=Severity.WARNING, age=MINUTE)
    info = queue.put("door", severity=Severity.INFO, age=2 * MINUTE)
    new, old = queue.put("uplink"), queue.put("booking", age=SECOND)
    assert [story.says for story in queue.plan().send] == [old, new]
    queue.rows = [slow, info]
    assert [story.says for story in queue.plan().send] == [slow, info]


def test_faults_and_ends_are_messages_of_their_own_the_older_first(queue: Queue) -> None:
    end, fault = queue.put("door", RESOLVED, age=MINUTE, heard=True), queue.put("uplink")
    assert [story.says for story in queue.plan().send] == [end]
    queue.rows = [fault, end._replace(created=NOW + SECOND)]
    assert [story.says for story in queue.plan().send] == [fault]


@pytest.mark.parametrize("kind", [NoticeKind.TEST, NoticeKind.DRILL, NoticeKind.ALARM])
def test_tests_drills_and_alarms_go_alone_whatever_was_sent(queue: Queue, kind: NoticeKind) -> None:
    first, _ = queue.put("a", kind, Severity.INFO), queue.put("b", kind, Severity.INFO)
    assert [story.says for story in queue.plan(sent(50)).send] == [first]


def test_a_beginning_and_its_repeats_are_one_story_in_the_words_of_the_beginning(queue: Queue) -> None:
    rows = (queue.put("door"), queue.put("door", REPEAT), queue.put("door", REPEAT))
    assert queue.plan().send == (Story(rows, rows[0]),)


def test_repeats_alone_are_one_story_in_the_words_of_the_newest(queue: Queue) -> None:
    rows = (queue.put("door", REPEAT), queue.put("door", REPEAT))
    assert queue.plan().send == (Story(rows, rows[1]),)


def test_the_newest_news_of_an_incident_tells_it(queue: Queue) -> None:
    rows = (queue.put("door"), queue.put("door", episode="worse"), queue.put("door", UPDATE), queue.put("door", REPEAT))
    assert queue.plan().send == (Story(rows, rows[2]),)


def test_a_beginning_of_which_nobody_heard_and_its_end_are_told_together(queue: Queue) -> None:
    rows = (queue.put("door"), queue.put("door", REPEAT), queue.put("door", RESOLVED))
    assert queue.plan().send == (Story(rows, rows[2], began=rows[0]),)
    assert queue.plan().send[0].is_over


def test_the_end_alone_is_told_where_the_beginning_was_heard(queue: Queue) -> None:
    rows = (queue.put("door", REPEAT), queue.put("door", RESOLVED, heard=True))
    assert queue.plan().send == (Story(rows, rows[1]),)


def test_what_began_again_after_its_end_is_told_as_it_is_now(queue: Queue) -> None:
    rows = (queue.put("door"), queue.put("door", RESOLVED), queue.put("door", REPEAT))
    assert queue.plan().send == (Story(rows, rows[2]),)


def test_an_end_never_overtakes_the_beginning_of_its_episode(queue: Queue) -> None:
    end, begin = queue.put("door", RESOLVED), queue.put("door")
    assert queue.plan().send == (Story((begin, end), end, began=begin),)


def test_later_messages_of_an_incident_wait_for_its_first(queue: Queue) -> None:
    queue.put("door", due=MINUTE)
    queue.put("door", RESOLVED)
    assert queue.plan() == Plan(again=NOW + MINUTE)


def test_messages_that_are_not_due_stay_behind_those_of_their_incident_that_are(queue: Queue) -> None:
    first, _ = queue.put("door"), queue.put("door", REPEAT, due=MINUTE)
    assert queue.plan().send == (Story((first,), first),)


def test_the_end_of_what_nobody_could_be_told_is_void(queue: Queue) -> None:
    end = queue.put("door", RESOLVED, heard=False)
    assert queue.plan() == Plan(void=(end.id,))
    begin = queue.put("door")
    assert queue.plan() == Plan((Story((begin, end), end, began=begin),))


def test_an_end_without_any_beginning_in_the_books_is_told(queue: Queue) -> None:
    end = queue.put("door", RESOLVED)
    assert queue.plan().send == (Story((end,), end),)


def test_below_critical_the_budget_counts_and_what_exceeds_it_waits_for_the_window(queue: Queue) -> None:
    warning = queue.put("door", severity=Severity.WARNING)
    assert queue.plan(sent(BUDGET - 1)).send == (Story((warning,), warning),)
    over = sent(BUDGET, every=2 * SECOND)
    assert queue.plan(over) == Plan(again=over[-1].at + WINDOW)
    assert queue.plan(over, now=NOW + WINDOW).send == (Story((warning,), warning),)
    assert queue.plan(sent(BUDGET, critical=True)).send == (Story((warning,), warning),)


def test_critical_messages_are_free_of_the_budget_but_in_a_storm_they_gather(queue: Queue) -> None:
    rows = (queue.put("door"), queue.put("uplink"))
    assert len(queue.plan(sent(50)).send) == 2
    storm = sent(BUDGET, critical=True)
    assert queue.plan(storm) == Plan(again=NOW + SPACING)
    assert [story.says for story in queue.plan(storm, now=NOW + SPACING).send] == list(rows)


def test_a_budget_of_nothing_still_lets_something_through(queue: Queue) -> None:
    queue.put("door", severity=Severity.WARNING)
    assert len(queue.plan(budget=0).send) == 1


rows = st.builds(
    Waiting,
    id=st.integers(1, 10**6),
    story=st.sampled_from("abcdef"),
    episode=st.sampled_from(["e1", "e2"]),
    kind=st.sampled_from(NoticeKind),
    sequence=st.integers(0, 2),
    severity=st.sampled_from(Severity),
    created=st.timedeltas(timedelta(), timedelta(hours=1)).map(lambda age: NOW - age),
    due=st.timedeltas(-MINUTE, MINUTE).map(lambda away: NOW + away),
    attempts=st.integers(0, 3),
    repeated=st.booleans(),
    heard=st.sampled_from([None, True, False]),
)


@given(st.lists(rows, unique_by=lambda row: row.id), st.integers(0, 30), st.booleans())
def test_every_message_goes_out_waits_or_is_void_and_nothing_goes_before_it_is_due(
    waiting: list[Waiting], had: int, critical: bool
) -> None:
    found = plan(waiting, sent(had, critical=critical), BUDGET, NOW)
    going = [row for story in found.send for row in story.rows]
    assert len(going) == len(set(going))
    assert all(row.due <= NOW for row in going)
    assert not {row.id for row in going} & set(found.void)
    stays = {row.id for row in waiting} - {row.id for row in going} - set(found.void)
    assert found.send or not stays or found.again is not None
    assert found.again is None or found.again > NOW
