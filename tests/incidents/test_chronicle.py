"""Lines that the timeline writes itself, few of them however long it lasts."""

from datetime import UTC, datetime, timedelta

from alerting.channels import NoticeKind
from alerting.rules import Severity
from incidents.chronicle import MOMENTS, Heard, heard, still
from incidents.incident import EntryKind, Incident

START = datetime(2026, 8, 3, 8, tzinfo=UTC)
NEW = Incident("i1", "door", "Door is down", Severity.WARNING, START)


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_who_was_told_is_one_line_and_who_could_not_be_is_another_with_the_reason() -> None:
    news = [
        Heard("ana/phone", NoticeKind.FIRING, True, after(1)),
        Heard("chat", NoticeKind.UPDATE, True, after(2)),
        Heard("desk", NoticeKind.FIRING, False, after(3), "the token has expired"),
    ]
    told = heard(NEW, news)
    assert [(one.at, one.text) for one in told.timeline] == [
        (after(2), "Told: ana/phone, chat."),
        (after(3), "Could not be told: desk (the token has expired)."),
    ]
    assert {one.kind for one in told.timeline} == {EntryKind.DELIVERY}
    assert heard(told, news) == told, "the same news again are none"
    over = heard(told, [*news, Heard("chat", NoticeKind.RESOLVED, True, after(9))])
    assert over.timeline[-1].text == "Told that it is over: chat."


def test_what_is_measured_is_written_down_when_it_says_something_new_and_ever_more_rarely() -> None:
    incident = NEW
    for minute in range(3 * 24 * 60):
        incident = still(incident, f"loss is {minute // 5} %", after(minute))
    lines = [one.at - START for one in incident.timeline]
    assert lines == list(MOMENTS)


def test_what_is_measured_as_before_is_not_written_down_again() -> None:
    once = still(NEW, "loss is 20 %", after(11))
    assert [one.text for one in once.timeline] == ["Still: loss is 20 %"]
    assert still(once, "loss is 20 %", after(70)) == once
    assert still(NEW, "loss is 20 %", after(9)) == NEW
