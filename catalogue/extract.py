"""Finds every message: in Python and templates by the functions that say it, in the kinds by what they declare."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file

from probes import REASONS, UNKNOWN_REASONS, Probe, kinds, load

ROOT = Path(__file__).parent.parent
_KEYWORDS: dict[str, Any] = {"gettext": None, "ngettext": (1, 2), "N_": None, "_": None, "count": (2, 3)}
"""The functions that say something, and which of their arguments are messages."""
_METHODS: dict[str, tuple[str, dict[str, str]]] = {
    "*.py": ("python", {}),
    "*.html": (
        "jinja2.ext:babel_extract",
        dict.fromkeys(("newstyle_gettext", "trimmed"), "true") | {"silent": "false"},
    ),
}
_SOURCES = ("alerting", "incidents", "language", "monitor")


def extracted() -> Catalog:
    """The template of all translations, by where each message is said."""
    catalog = Catalog(project="Deskwatch", charset="utf-8", fuzzy=False)
    for message, file in (*_said(), *_declared()):
        catalog.add(message, locations=[(str(file.relative_to(ROOT)), 0)])
    return catalog


def _said() -> Iterator[tuple[str | tuple[str, ...], Path]]:
    for source in _SOURCES:
        for pattern, (method, options) in _METHODS.items():
            for file in sorted((ROOT / source).rglob(pattern)):
                for _, message, _, _ in extract_from_file(method, file, _KEYWORDS, options=options):
                    yield message, file


def _declared() -> Iterator[tuple[str, Path]]:
    """What pages and messages take from the kinds as it stands there."""
    base = Path(inspect.getfile(Probe))
    yield from ((words, base) for words in (*REASONS.values(), *UNKNOWN_REASONS.values()))
    for kind in kinds():
        probe = load(kind)
        file = Path(inspect.getfile(probe))
        yield probe.says, file
        yield from ((metric.help, file) for metric in probe.metrics)
        yield from ((words, file) for words in probe.reasons.values())
        yield from ((rule.says, file) for rule in probe.rules if rule.says)
