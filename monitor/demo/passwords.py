"""The demo's passwords, made anew for each run, and the files that its configuration refers to."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Passwords(NamedTuple):
    """What opens the peers to Deskwatch."""

    access: str
    booking: str
    codec: str
    display: str
    heartbeat: str
    projector: str
    snmp: str

    @classmethod
    def new(cls) -> "Passwords":
        """Passwords that nobody knows; that of a display has four digits."""
        made = {name: secrets.token_hex(16) for name in cls._fields}
        return cls(**made | {"display": f"{secrets.randbelow(10_000):04}"})


def keep(folder: Path, values: Mapping[str, str]) -> Mapping[str, str]:
    """Write each secret to a file of its own, for the user of the demo alone; the references to them, by name."""
    folder.mkdir(mode=0o700, exist_ok=True)
    references = {}
    for name, value in values.items():
        path = folder.absolute() / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(value, encoding="utf-8")
        references[name] = f"${{file:{path.as_posix()}}}"
    return references
