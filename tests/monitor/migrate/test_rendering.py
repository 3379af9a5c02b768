"""What a migration made, as YAML that our own reader understands as it was meant."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.source import parse
from monitor.migrate.draft import Draft, Unportable, verify
from monitor.migrate.pace import pace
from monitor.migrate.patterns import glob, lacks, python
from monitor.migrate.rendering import rendered, summary
from monitor.migrate.secrets import address, plain
from monitor.migrate.settings import Settings, seconds

WORDS = st.text(max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS.filter(lambda key: key != "<<"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES, WORDS)
def test_whatever_an_entry_holds_is_read_as_it_was_written(value: Any, origin: str) -> None:
    draft = Draft("theirs")
    draft.entry("routes", "x", origin, {"value": value})
    document, problems = parse(Path("made.yaml"), rendered(draft.finished(), origin))
    assert not problems
    assert document.data["routes"] == [{"id": "x", "value": value}]


@pytest.mark.parametrize(
    "word", ["1e3", "0o17", "off", "yes", "12:30", "=", "<<", "~", "null", "on: x", "# a", "- b", "a\nb"]
)
def test_words_that_yaml_could_mistake_stay_words(word: str) -> None:
    draft = Draft("theirs")
    draft.entry("routes", "x", "y", {"value": word})
    document, _ = parse(Path("made.yaml"), rendered(draft.finished(), "f", {"id": "x"}))
    assert document.data["routes"][0]["value"] == word
    assert document.data["site"] == {"id": "x"}


def test_the_summary_has_a_line_for_each_thing_and_ends_with_the_count() -> None:
    draft = Draft("theirs")
    draft.left("a\x1b[31m", "why\nnot")
    draft.changed("b", "how")
    draft.entry("routes", "c", "c", {"to": draft.secret("the key", "c")})
    assert list(summary(draft.finished())) == [
        "carried over: c: routes c",
        "changed in meaning: b: how",
        "not carried: a·[31m: why·not",
        "set THEIRS_C: the key",
        "1 carried over, 1 changed in meaning, 1 not carried",
    ]


def test_of_what_turns_out_to_be_unportable_only_the_reason_stays() -> None:
    draft = Draft("theirs")
    with draft.attempt("thing"):
        draft.secret("never needed", "thing")
        draft.changed("thing", "somehow")
        raise Unportable("no")
    migration = draft.finished()
    assert [line.words for line in migration.lines] == ["no"]
    assert not migration.needed


def test_settings_that_a_kind_does_not_take_are_unportable() -> None:
    verify({"kind": "passive.heartbeat", "key": "${env:NOT_SET_ANYWHERE}", "period": 60})
    with pytest.raises(Unportable, match="port: Input should be less than"):
        verify({"kind": "internet.tcp", "host": "h", "port": 99_999})
    with pytest.raises(Unportable, match="host: Field required"):
        verify({"kind": "internet.ping"})


@pytest.mark.parametrize(
    ("interval", "timeout", "expected"),
    [
        (60, 10, {"interval": "1m", "timeout": "10s"}),
        (60, 0, {"interval": "1m"}),
        (2, 0, {"interval": "2s", "timeout": "2s"}),
        (0.5, 9, {"interval": "1s", "timeout": "1s"}),
        (10**7, 10**6, {"interval": "7d", "timeout": "10m"}),
    ],
)
def test_paces_are_brought_within_bounds(interval: float, timeout: float, expected: dict[str, str]) -> None:
    assert pace(Draft("x"), "y", interval, timeout) == expected


@pytest.mark.parametrize(("text", "length"), [("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400), ("0", 0), ("1w", 604_800)])
def test_durations_are_read_as_go_writes_them(text: str, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "soon", "-1s", "5", "1" * 50 + "s"])
def test_what_is_no_duration_is_unportable(text: str) -> None:
    if text:
        with pytest.raises(Unportable, match="no duration"):
            seconds(text)


@given(WORDS, WORDS)
def test_a_pattern_of_stars_and_what_lacks_it_are_patterns(text: str, other: str) -> None:
    python(glob(f"*{text}*{other}"))
    lacks(glob(text))


@pytest.mark.parametrize("pattern", [r"\pL", "[[:alpha:]]", "(", "a**", "(?U)a", "[[a]"])
def test_patterns_that_only_go_knows_are_unportable(pattern: str) -> None:
    with pytest.raises(Unportable):
        python(pattern)


@pytest.mark.parametrize(
    "url", ["http://h/?token=x", "http://h/?a=1&apiKey=x", "http://h/?X-Signature=x", "http://[::1"]
)
def test_addresses_with_secrets_in_them_are_unportable(url: str) -> None:
    with pytest.raises(Unportable):
        address(Draft("x"), "y", url)


@pytest.mark.parametrize("text", ["PASS x", "password=x", "AUTH PLAIN eA==", '{"api_key": "x"}'])
def test_texts_that_may_hold_secrets_are_unportable(text: str) -> None:
    with pytest.raises(Unportable, match="may hold a secret"):
        plain(text, "body")


@given(st.dictionaries(st.sampled_from("abc"), VALUES))
def test_no_setting_of_the_wrong_shape_ends_in_another_error(given_settings: dict[str, Any]) -> None:
    for read in ("text", "flag", "whole", "seconds", "texts", "words", "inner", "entries"):
        settings = Settings(given_settings)
        try:
            getattr(settings, read)("a")
        except Unportable as error:
            assert str(error)
        assert "a" not in list(settings.rest)
