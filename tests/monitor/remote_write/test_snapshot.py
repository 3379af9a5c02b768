"""Snapshots: every series once, in requests of bounded size, and an end for each that is gone."""

from collections.abc import Iterable

import cramjam
from hypothesis import given
from hypothesis import strategies as st
from peers.remote_write import STALE, unpacked

from monitor.exposition import pairs, plus, rendered
from monitor.remote_write.snapshot import LARGEST, PORTION, Known, Request, Snapshot

AT = 1_700_000_000_000
EXTRA = {"job": "deskwatch", "instance": "hub"}

Read = dict[tuple[str, ...], str | float]
"""Values by the values of labels, in the order of the labels' names; of a series that has ended STALE."""


def read(requests: Iterable[Request]) -> Read:
    found: Read = {}
    for request in requests:
        samples = unpacked(request.body)
        assert len(samples) == request.samples
        for labels, value, at in samples:
            assert at == AT
            assert list(labels) == sorted(labels)
            key = tuple(said for _, said in labels)
            assert key not in found
            found[key] = value
    return found


def taken(known: Known, *series: tuple[str, str, float]) -> Read:
    snapshot = Snapshot(known, AT)
    for name, labels, value in series:
        snapshot.add(name, "", labels, value)
    for _ in snapshot.end():
        pass
    return read(snapshot.requests())


@given(st.dictionaries(st.from_regex("[a-z_]{1,5}", fullmatch=True), st.text(), max_size=5))
def test_labels_that_were_rendered_can_be_read_back(labels: dict[str, str]) -> None:
    assert dict(pairs(rendered(labels))) == labels


def test_a_series_has_its_own_labels_and_those_of_the_configuration() -> None:
    assert taken(Known(EXTRA), ("up", 'site="hub"', 1)) == {("up", "hub", "deskwatch", "hub"): 1}


def test_a_label_that_a_series_has_itself_stays() -> None:
    assert taken(Known(EXTRA), ("up", 'job="own"', 1)) == {("up", "hub", "own"): 1}


def test_an_empty_label_is_none() -> None:
    assert taken(Known({}), ("up", 'part=""', 1)) == {("up",): 1}


def test_what_is_gone_ends_once() -> None:
    known = Known({})
    both = ("up", 'a="1"', 1.0), ("up", 'a="2"', 1.0)
    taken(known, *both)
    assert taken(known, both[0]) == {("up", "1"): 1, ("up", "2"): STALE}
    assert taken(known, both[0]) == {("up", "1"): 1}
    assert taken(known, *both) == {("up", "1"): 1, ("up", "2"): 1}
    assert taken(known) == {("up", "1"): STALE, ("up", "2"): STALE}
    assert taken(known) == {}


def test_after_a_snapshot_that_was_broken_off_everything_still_ends() -> None:
    known = Known({})
    taken(known, ("up", 'a="1"', 1.0), ("up", 'a="2"', 1.0))
    Snapshot(known, AT).add("up", "", 'a="1"', 1.0)
    assert taken(known) == {("up", "1"): STALE, ("up", "2"): STALE}


def test_of_two_equal_series_the_first_counts() -> None:
    assert taken(Known({}), ("up", 'a="1"', 1.0), ("up", 'a="1"', 2.0)) == {("up", "1"): 1}


def test_requests_are_bounded_and_hold_everything() -> None:
    snapshot = Snapshot(Known(EXTRA), AT)
    for number in range(9000):
        snapshot.add("up", "", rendered({"check": f"{number}"}), number)
    requests = snapshot.requests()
    assert len(requests) > 2
    sizes = [len(cramjam.snappy.decompress_raw(request.body)) for request in requests]
    assert all(LARGEST <= size < LARGEST + 200 for size in sizes[:-1])
    assert sorted(read(requests).values()) == list(range(9000))


def test_the_end_of_many_series_is_made_in_portions() -> None:
    known = Known({})
    first = Snapshot(known, AT)
    for number in range(2 * PORTION + 1):
        first.add("up", "", plus("", "check", str(number)), 1)
    last = Snapshot(known, AT)
    assert sum(1 for _ in last.end()) == 3
    assert set(read(last.requests()).values()) == {STALE}


def test_nothing_is_no_request() -> None:
    assert Snapshot(Known({}), AT).requests() == ()
