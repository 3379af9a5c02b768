"""The performance data of monitoring plugins, as their guidelines have it and as it comes."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes._engines.perfdata import LONGEST_LABEL, MOST_VALUES, Output, Value, parse


@pytest.mark.parametrize(
    ("figures", "values"),
    [
        ("time=0.002722s;;;0.000000;10.000000", [Value("time", 0.002722, "seconds")]),
        ("rta=1.5ms;100;200;0 pl=20%;5;10", [Value("rta", 0.0015, "seconds"), Value("pl", 0.2, "ratio")]),
        ("/=30300700672B;1;2;0;3", [Value("/", 30300700672, "bytes")]),
        ("a=1KB b=1kB", [Value("a", 2.0**10, "bytes"), Value("b", 2.0**10, "bytes")]),
        ("a=2MiB b=1GB", [Value("a", 2.0**21, "bytes"), Value("b", 2.0**30, "bytes")]),
        ("in=12345c", [Value("in", 12345, "total")]),
        ("load1=2,330;1", [Value("load1", 2.33, "value")]),
        ("t=-3.5 u=+1e3 w=.5", [Value("t", -3.5, "value"), Value("u", 1000, "value"), Value("w", 0.5, "value")]),
        ("temp=21C watts=3kW", [Value("temp", 21, "value"), Value("watts", 3, "value")]),
        ("'used space'=5%", [Value("used space", 0.05, "ratio")]),
        ("'it''s = fine'=1", [Value("it's = fine", 1, "value")]),
        ("a=U;1;2 b=2", [Value("b", 2, "value")]),
        ("a=1 a=2 a=3s", [Value("a", 1, "value"), Value("a", 3, "seconds")]),
        ("nonsense =3 ''=4 'open=5 x=6", [Value("x", 6, "value")]),
        ("a=1e999 b=1", [Value("b", 1, "value")]),
        ("a=5us b=5µs c=5ns", [Value("a", 5e-6, "seconds"), Value("b", 5e-6, "seconds"), Value("c", 5e-9, "seconds")]),
    ],
)
def test_figures_come_in_base_units(figures: str, values: list[Value]) -> None:
    found = parse(f"fine |{figures}").values
    assert [(one.label, one.unit) for one in found] == [(one.label, one.unit) for one in values]
    assert [one.number for one in found] == pytest.approx([one.number for one in values])


def test_words_and_figures_of_several_lines_are_told_apart() -> None:
    text = "DISK OK | /=1MB\nthe root is fine\nso is /home | /home=2MB;3\n/var=3MB\n"
    found = parse(text)
    assert found.words == "DISK OK"
    assert [value.label for value in found.values] == ["/", "/home", "/var"]


def test_words_without_figures_are_just_words() -> None:
    assert parse("all is well\n") == Output("all is well")
    assert parse("") == Output("")


def test_the_number_of_figures_and_the_length_of_labels_are_bounded() -> None:
    many = " ".join(f"{'x' * 200}{n}={n}" for n in range(5)) + " " + " ".join(f"l{n}={n}" for n in range(9000))
    values = parse(f"|{many}").values
    assert len(values) == MOST_VALUES
    assert max(len(value.label) for value in values) == LONGEST_LABEL


@given(st.text(max_size=200) | st.text("'=|;\n 1,.eUs%b-", max_size=200))
@example("|" + "'" * 60_000)
@example("|" + "' '' '" * 10_000)
@example("|a" + "=1" * 30_000)
@example("|" + "1" * 60_000 + "=" + "1" * 400)
def test_whatever_a_plugin_writes_is_read(text: str) -> None:
    found = parse(text)
    assert "\n" not in found.words
    assert len(found.values) <= MOST_VALUES
    assert len({(value.label, value.unit) for value in found.values}) == len(found.values)
    for value in found.values:
        assert value.label.isprintable()
        assert 0 < len(value.label) <= LONGEST_LABEL
        assert math.isfinite(value.number)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="|"), min_size=1, max_size=20),
        st.floats(allow_nan=False, allow_infinity=False),
        max_size=20,
    )
)
def test_what_is_written_as_the_guidelines_say_is_read_as_it_was_meant(written: dict[str, float]) -> None:
    figures = " ".join("'{}'={!r}s;1:2;@3;0;".format(k.replace("'", "''"), v) for k, v in written.items())
    assert {value.label: value.number for value in parse(f"OK|{figures}").values} == written
