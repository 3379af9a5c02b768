"""The catalogue has all that is said, and every language says all of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from jinja2 import Environment

from catalogue import FOLDER, compiled, extracted, kept, merged, written
from catalogue.extract import ROOT
from catalogue.files import forms, of_language
from language import DEFAULT, LANGUAGES

RENEW = "run `make catalogue`, and translate what is new"
OTHERS = sorted(LANGUAGES.keys() - {DEFAULT})
TEMPLATES = sorted(ROOT.glob("monitor/**/templates/*.html"))
NAMES = {"Deskwatch", "Python", "Atom", "RSS", "JSON", "CSV", "OpenAPI", "API", "min", "lang", "wallboard"}
"""Words of the templates that are the same in every language, or an attribute."""


@pytest.fixture(scope="module")
def said() -> Catalog:
    """All that is said, which takes seconds to read from the sources."""
    return extracted()


def test_the_catalogue_is_that_of_the_sources(said: Catalog) -> None:
    assert (FOLDER / "deskwatch.pot").read_bytes() == written(said), RENEW


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_says_everything_and_nothing_else(code: str, said: Catalog) -> None:
    catalog = merged(kept(code), said)
    assert [message.id for message in catalog if message.id and not all(forms(message))] == []
    assert [message.id for message in catalog if message.id and message.fuzzy] == []
    assert (FOLDER / f"{code}.po").read_bytes() == written(catalog), RENEW
    assert of_language(code).read_bytes() == compiled(catalog), RENEW


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_the_values_of_its_message(code: str) -> None:
    assert [message.id for message in kept(code) if message.id and not has_its_values(message)] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_says_nothing_outside_of_the_catalogue(template: Path) -> None:
    said = re.sub(r"<!--.*?-->|<(style|code)\b.*?</\1>", " ", "".join(outside(template.read_text())), flags=re.DOTALL)
    attributes = re.findall(r'\b(?:aria-label|title|placeholder|alt)="([^"]*)"', said)
    words = re.findall(r"[A-Za-z]{2,}", " ".join((re.sub(r"<[^>]*>", " ", said), *attributes)))
    assert {*words} - NAMES == set()


def outside(source: str) -> Iterator[str]:
    """What a template has outside of its expressions and messages."""
    message = False
    for _, kind, value in Environment(autoescape=True, extensions=["jinja2.ext.i18n"]).lex(source):
        if kind == "name" and value in ("trans", "endtrans"):
            message = value == "trans"
        elif kind == "data" and not message:
            yield value
        elif kind in ("variable_begin", "block_begin"):
            yield " "


def has_its_values(message: Message) -> bool:
    """Whether every form of a translation names what the message does; one of a plural may leave its number out."""
    if isinstance(message.id, str):
        return all(values(form) == values(message.id) for form in forms(message))
    one, many = map(values, message.id)
    return all(one & many - {"number", "num"} <= values(form) <= one | many for form in forms(message))


def values(text: str) -> set[str]:
    return {name for found in re.findall(r"%\((\w+)\)|(?<!\{)\{(\w+)[^{}]*\}", text) for name in found if name}
