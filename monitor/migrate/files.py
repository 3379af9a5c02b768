"""Reads the files of other programs, each within bounds; nothing is ever written."""

from collections.abc import Sequence
from pathlib import Path

LARGEST = 32 * 1024 * 1024
"""Bytes of one file."""

_MOST_FILES = 1_000
_SUFFIXES = (".json", ".yml", ".yaml")


def text_of(path: Path) -> str:
    """The text of a file. Raises OSError when it cannot be read, ValueError when it is no text or too large."""
    with path.open("rb") as stream:
        raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 1024**2} MiB; divide it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text; save it as UTF-8") from None


def texts_of(folder: Path, pattern: str) -> Sequence[tuple[str, str]]:
    """Names and texts of the files that a pattern means, with `*` in its last part, in the order of their names.

    As in Prometheus they end in .json, .yml or .yaml; a relative pattern begins in the folder. Raises as `text_of`.
    """
    place = folder / pattern
    known = place.suffix in _SUFFIXES and place.parent.is_dir()
    files = sorted(place.parent.glob(place.name)) if known else []
    return [(file.name, text_of(file)) for file in files[:_MOST_FILES] if file.is_file()]
