"""The files of the catalogue: deskwatch.pot and a .po for each language here, the compiled ones in `language`."""

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

import language

FOLDER = Path(__file__).parent
_DATE = datetime(2026, 1, 1, tzinfo=UTC)
"""Of every file, so that nothing but messages changes it; the history knows when."""


def kept(code: str) -> Catalog:
    """The translations of a language as they are kept; none yet for a new one."""
    file = FOLDER / f"{code}.po"
    if not file.exists():
        return Catalog(locale=code)
    with file.open("rb") as opened:
        return read_po(opened, locale=code, abort_invalid=True)


def merged(translations: Catalog, template: Catalog) -> Catalog:
    """The translations of all messages that the template has, and of no other."""
    translations.update(template, no_fuzzy_matching=True, update_creation_date=False)
    translations.obsolete.clear()
    return translations


def written(catalog: Catalog) -> bytes:
    """The text of its file, the messages by where they are said."""
    catalog.creation_date = catalog.revision_date = _DATE
    catalog.header_comment = "# What Deskwatch says. Renewed by `make catalogue`."
    catalog.last_translator = catalog.language_team = catalog.msgid_bugs_address = catalog.copyright_holder = ""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=110, sort_by_file=True, include_lineno=False)
    return buffer.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """What is read at run time."""
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def of_language(code: str) -> Path:
    """Where what is compiled of a language stands."""
    return Path(language.__file__).with_name(f"{code}.mo")


def forms(message: Message) -> tuple[str, ...]:
    """The translation of a message: one text, or one for each plural form of the language."""
    if isinstance(message.string, str):
        return (message.string,)
    return tuple(message.string or ("",))
