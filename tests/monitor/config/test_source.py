"""Reading YAML: what its words mean, where everything stands, and files that are none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.document import Place
from monitor.config.source import LARGEST, Unreadable, parse, read, scalar

FILE = Path("site.yaml")


def data_of(text: str) -> object:
    document, problems = parse(FILE, text)
    assert not problems
    return document.data


def refusal_of(text: str) -> str:
    with pytest.raises(Unreadable) as refused:
        parse(FILE, text)
    return str(refused.value.problem)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("NO", "NO"),
        ("true", True),
        ("False", False),
        ("12:30", "12:30"),
        ("2026-12-25", "2026-12-25"),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("-5", -5),
        ("+5", 5),
        ("1_000", "1_000"),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("1.", 1.0),
        (".inf", ".inf"),
        ("-.nan", "-.nan"),
        ("~", None),
        ("", None),
        ("null", None),
        ("nothing", "nothing"),
        ("1.2.3.4", "1.2.3.4"),
    ],
)
def test_words_mean_what_the_core_schema_of_yaml_1_2_says(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_quotes_make_text_of_anything() -> None:
    assert data_of("a: '5'\nb: \"true\"\nc: |\n  5\nd: ''\n") == {"a": "5", "b": "true", "c": "5\n", "d": ""}


def test_every_key_and_entry_knows_its_line_and_column() -> None:
    document, _ = parse(FILE, "doors:\n  - id: front\n    checks:\n      - kind: x\n")
    assert Place(document, ("doors", 0, "checks", 0, "kind")).mark() == (4, 9)
    assert Place(document, ("doors", 0)).mark() == (2, 5)


def test_a_missing_key_stands_where_its_mapping_begins() -> None:
    document, _ = parse(FILE, "site:\n  id: hub\n")
    assert Place(document, ("site", "timezone")).mark() == (1, 1)


def test_an_alias_stands_for_what_it_names() -> None:
    assert data_of("a: &x {b: 1}\nc: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}


def test_keys_given_twice_are_all_reported_and_the_first_counts() -> None:
    document, problems = parse(FILE, "site:\n  id: a\n  id: b\n  id: c\n")
    assert document.data == {"site": {"id": "a"}}
    assert [str(problem) for problem in problems] == [
        "site.yaml:3: site.id: is given twice, first in line 2; remove one",
        "site.yaml:4: site.id: is given twice, first in line 2; remove one",
    ]


def test_merge_keys_are_explained() -> None:
    _, problems = parse(FILE, "a: &a {b: 1}\nc:\n  <<: *a\n")
    assert [str(problem) for problem in problems] == [
        "site.yaml:3: c.<<: YAML 1.2 has no merge keys; put what checks share under `defaults`"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "site.yaml: is empty; run `deskwatch init` to write a first one"),
        ("# nothing\n", "site.yaml: is empty; run `deskwatch init` to write a first one"),
        ("---\n", "site.yaml: is empty; run `deskwatch init` to write a first one"),
        (
            "- a\n",
            "site.yaml: must hold sections like `site:` and `uplinks:`, each at the beginning of a line",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "site.yaml:2: begins a second document; remove the line `---`, or use two files of a directory",
        ),
        (
            "a:\n\tb: 1\n",
            "site.yaml:2: is not YAML: found character that cannot start any token; "
            "put the value in quotes, and indent with spaces, not tabs",
        ),
        (
            "a: b: c\n",
            "site.yaml:1: is not YAML: mapping values are not allowed in this context; "
            "put text that holds `: ` in quotes, or check the indentation",
        ),
        (
            "a: [1, 2\nb: 3\n",
            "site.yaml:2: is not YAML: did not find expected ',' or ']'; "
            "a bracket is never closed, or a comma is missing",
        ),
        (
            "a:\n  - b\n c: 1\n",
            "site.yaml:3: is not YAML: did not find expected key; "
            "check the indentation and the quotes of this line and the one above",
        ),
        ("a: *b\n", "site.yaml:1: *b has no complete &b above it"),
        ("a: &b [*b]\n", "site.yaml:1: *b has no complete &b above it"),
        ("a: !!python/object:os.system x\n", "site.yaml:1: the tag tag:yaml.org,2002:python/object:os.system has no "),
        ("a: 1e999\n", "site.yaml:1: the number is too large"),
        ("a: " + "9" * 5000, "site.yaml:1: the number is too large"),
        ("{a: 1, [b]: 2}\n", "site.yaml:1: a key must be a word"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_remedy(text: str, message: str) -> None:
    assert refusal_of(text).startswith(message)


def test_nesting_without_end_is_refused_and_does_not_end_the_process() -> None:
    assert refusal_of("a: " + "[" * 200_000) == "site.yaml:1: is nested more than 32 levels deep"


def test_aliases_of_aliases_are_counted_as_what_they_stand_for() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "holds more than 1000000 values; use fewer aliases" in refusal_of("\n".join(rows))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", "site.yaml:1: is not UTF-8 text; save it as UTF-8"),
        (b"a: 1\nb: caf\xe9\n", "site.yaml:2: is not UTF-8 text; save it as UTF-8"),
        (b"a: 1\nb: \x00\n", "site.yaml:2: is not a text file: it holds the character U+0000; save it as UTF-8 text"),
        ("a: 1".encode("utf-16"), "site.yaml:1: is not UTF-8 text; save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_text_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: bytes, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.write_bytes(raw)
    source = read(FILE)
    assert [str(problem) for problem in source.problems] == [message]
    assert not source.complete


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(file).documents[0].data == {"a": 1}


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    with file.open("wb") as stream:
        stream.truncate(LARGEST + 1)
    assert "is larger than 8 MiB; split it" in str(read(file).problems[0])


def test_a_file_that_does_not_exist_leads_to_init(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    assert str(read(file).problems[0]) == f"{file}: no such file; run `deskwatch init` to write a first one"


def test_a_directory_is_read_in_the_order_of_names_without_hidden_and_other_files(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", ".hidden.yaml", "notes.txt"):
        (tmp_path / name).write_text("a: 1\n")
    assert [document.file.name for document in read(tmp_path).documents] == ["a.yaml", "b.yml"]


def test_a_directory_without_files_leads_to_init(tmp_path: Path) -> None:
    assert (
        str(read(tmp_path).problems[0]) == f"{tmp_path}: has no *.yaml file; run `deskwatch init` to write a first one"
    )


def test_every_unreadable_file_of_a_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [\n")
    (tmp_path / "b.yaml").write_bytes(b"\xff")
    assert [Path(problem.file).name for problem in read(tmp_path).problems] == ["a.yaml", "b.yaml"]


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"%@#?, \n\t.0~")) | st.text())
def test_any_text_is_data_or_unreadable(text: str) -> None:
    try:
        parse(FILE, text)
    except Unreadable as error:
        assert "\n" not in str(error.problem)


def test_merge_keys_are_followed_only_where_other_programs_files_are_read() -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{z: 4}, *a]}\n"
    document, problems = parse(Path("theirs.yaml"), text, merging=True)
    assert not problems
    assert document.data["b"] == {"x": 1, "y": 3}
    assert document.data["c"] == {"z": 4, "x": 1, "y": 2}
    document, problems = parse(Path("ours.yaml"), text)
    assert len(problems) == 2
    assert document.data["b"] == {"y": 3}
