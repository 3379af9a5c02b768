"""Bytes on the wire: as other people's libraries read them."""

import struct

import cramjam
from hypothesis import given, settings
from hypothesis import strategies as st
from peers.remote_write import WRITE_REQUEST

from monitor.remote_write import wire

NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,20}", fullmatch=True)
LABELS = st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=150), max_size=4)
SERIES = st.tuples(LABELS, st.floats(), st.integers(0, 2**53))


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def test_a_request_has_the_bytes_that_the_specification_gives_it() -> None:
    labels = wire.labels({"b": "2", "__name__": "up"})
    written = wire.series(labels, wire.double(1), wire.timestamp(300))
    assert written.hex(" ") == (
        "0a 26 "  # a series of 38 bytes
        "0a 0e 0a 08 5f 5f 6e 61 6d 65 5f 5f 12 02 75 70 "  # the label __name__="up"
        "0a 06 0a 01 62 12 01 32 "  # the label b="2"
        "12 0c 09 00 00 00 00 00 00 f0 3f 10 ac 02"  # 1.0 at 300
    )


@settings(max_examples=50)
@given(st.lists(SERIES, max_size=4))
def test_the_protobuf_library_reads_what_was_written(series: list[tuple[dict[str, str], float, int]]) -> None:
    written = b"".join(
        wire.series(wire.labels(labels), wire.double(value), wire.timestamp(at)) for labels, value, at in series
    )
    read = WRITE_REQUEST.FromString(written)
    for found, (labels, value, at) in zip(read.timeseries, series, strict=True):
        names = [label.name for label in found.labels]
        assert names == sorted(name for name, said in labels.items() if said)
        assert {label.name: label.value for label in found.labels} == {
            name: said for name, said in labels.items() if said
        }
        (sample,) = found.samples
        assert (bits(sample.value), sample.timestamp) == (bits(value), at)


def test_half_a_character_does_not_break_the_request() -> None:
    (found,) = WRITE_REQUEST.FromString(wire.series(wire.labels({"a": "x\ud800"}), wire.double(1), b"")).timeseries
    assert found.labels[0].value == "x?"


def test_the_end_of_a_series_is_the_one_nan_that_means_it() -> None:
    (found,) = WRITE_REQUEST.FromString(wire.series(b"", wire.STALE, wire.timestamp(1))).timeseries
    assert struct.pack(">d", found.samples[0].value).hex() == "7ff0000000000002"


@given(st.integers(0, 2**63 - 1))
def test_numbers_are_written_as_the_library_writes_them(number: int) -> None:
    sample = WRITE_REQUEST().timeseries.add().samples.add(timestamp=number)
    assert wire.timestamp(number) == (sample.SerializeToString() or b"\x10\x00")


@given(st.binary(max_size=5000))
def test_what_was_packed_begins_with_its_length_and_unpacks(content: bytes) -> None:
    packed = wire.packed(content)
    assert packed.startswith(wire.varint(len(content)))
    assert bytes(cramjam.snappy.decompress_raw(packed)) == content


def test_packing_pays() -> None:
    labels = [wire.labels({"__name__": "probe_success", "check": f"door-{n}/tcp"}) for n in range(1000)]
    content = b"".join(wire.series(one, wire.double(1), wire.timestamp(1_700_000_000_000)) for one in labels)
    assert len(wire.packed(content)) < len(content) / 3
