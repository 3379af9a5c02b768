"""Every test that the threat model names is there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"

_PLACE = re.compile(r"`tests/([\w./]*)`")
_NAMED = re.compile(r"`([\w./]+\.py)`|\*([^*]+)\*")


class Shown(NamedTuple):
    """What a line says that it is shown by: a phrase of a test's name, in a file, or "" for any one."""

    line: int
    file: str
    phrase: str
    places: tuple[str, ...]


def shown(text: str) -> Iterator[Shown]:
    """Everything in the last column of the tables; files are below what the section says, or below `tests/`."""
    places: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("Tests are in"):
            places = tuple(_PLACE.findall(line))
        if not line.startswith("| ") or line.startswith("| threat |"):
            continue
        file = ""
        for named, phrase in _NAMED.findall(line.rstrip(" |").rpartition(" | ")[2]):
            file = named or file
            yield Shown(number, file, phrase, places)


def files(one: Shown) -> list[Path]:
    """Which files are meant: all of the section if none is named."""
    if not one.file:
        return [path for place in one.places for path in _within(TESTS / place)]
    candidates = [*(TESTS / place / one.file for place in one.places), TESTS / one.file, ROOT / one.file]
    return [path for path in candidates if path.is_file()]


def _within(place: Path) -> list[Path]:
    return [place] if place.is_file() else list(place.rglob("test_*.py"))


@cache
def names(file: Path) -> tuple[str, ...]:
    """The tests of a file, as sentences."""
    tree = ast.parse(file.read_text())
    functions = [one for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return tuple(plain(one.name) for one in functions if one.name.startswith("test_"))


def plain(phrase: str) -> str:
    """A phrase as the name of a test has it."""
    return re.sub(r"[^a-z0-9]+", " ", phrase.lower().replace("'", "")).strip()


MODEL = tuple(shown((ROOT / "docs" / "threat-model.md").read_text()))


def test_every_line_of_the_threat_model_is_shown_by_something() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text().splitlines()
    lines = {n for n, line in enumerate(text, 1) if line.startswith("| ") and not line.startswith("| threat |")}
    assert lines == {one.line for one in MODEL}


@pytest.mark.parametrize("one", MODEL, ids=lambda one: f"{one.line}-{one.file}-{plain(one.phrase)}")
def test_what_the_threat_model_names_is_there(one: Shown) -> None:
    found = files(one)
    assert found, f"line {one.line}: there is no file {one.file}"
    if one.phrase:
        assert any(plain(one.phrase) in name for file in found for name in names(file)), (
            f"line {one.line}: no test of {one.file or one.places} is called *{one.phrase}*"
        )
