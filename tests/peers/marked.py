"""A language of signs: what is translated into it has no letter left, so what is not stands out."""

import re
from collections.abc import Collection
from gettext import NullTranslations

import pytest

import language
from incidents.incident import US

_LETTER = re.compile(r"\{\w*\}|%\(\w+\)s|<[^>]+>|[A-Za-z]")
"""Or what stays."""
_UNITS = re.compile(r"(?<=\d )(?:s|ms|min|h|d|kB|Mbit/s)\b")


class Marked(NullTranslations):
    """Its catalogue: a sign for each letter; what is filled in stays, and so does markup."""

    def gettext(self, message: str) -> str:
        return _LETTER.sub(lambda found: found[0] if len(found[0]) > 1 else "¤", message)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.gettext(one if number == 1 else many)


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Marked:
    """The language of signs in the place of every other one but English."""
    catalogue = Marked()
    monkeypatch.setattr(language, "_catalogue", lambda _code: catalogue)
    return catalogue


def english(said: str, data: Collection[str] = ()) -> list[str]:
    """The words of English that are left in a text, beside `data` and units, which are the same everywhere."""
    for word in sorted((*data, US), key=len, reverse=True):
        said = said.replace(word, "")
    return re.findall(r"[A-Za-z]+", _UNITS.sub("", said))
