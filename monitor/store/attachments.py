"""Files that people add to an incident: what they may be, and where they are kept."""

import hashlib
import re
from datetime import datetime
from pathlib import PureWindowsPath
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from incidents.messages import plain
from language import N_, figures, gettext
from monitor.store.tables import attachments

LARGEST = 5_000_000
"""Bytes of one file."""
MOST = 20
"""Files of one incident."""
LONGEST_NAME = 120

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"%PDF-": "application/pdf",
}
TYPES = (*dict.fromkeys(_MAGIC.values()), "text/plain", "message/rfc822")
"""The media types that files can have."""
_HEADER = re.compile(
    rb"(?:From|Return-Path|Received|Delivered-To|MIME-Version|Message-ID|Date|Subject): ?\S", re.IGNORECASE
)
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b") | {127}


class Attachment(NamedTuple):
    """A file of an incident. `type` is told from its content, never from its name; `digest` is its SHA-256."""

    id: str
    incident: str
    at: datetime
    who: str
    name: str
    type: str
    size: int
    digest: bytes
    content: bytes = b""

    @property
    def says(self) -> str:
        """The line of the timeline about it."""
        size = figures(f"{max(1, round(self.size / 1000)):,}")
        return gettext("Attached {name} ({size} kB).", name=self.name, size=size)


def attached(incident: str, name: str, content: bytes, who: str, now: datetime) -> Attachment:
    """The attachment that a file becomes. Raises ValueError for one that is empty, too large or of no known type."""
    if not 0 < len(content) <= LARGEST:
        has, most = (figures(f"{size:,}") for size in (len(content), LARGEST))
        words = N_("{name} has {size} bytes; a file may have from 1 to {most}")
        raise ValueError(gettext(words, name=plain(name), size=has, most=most))
    shown = plain(PureWindowsPath(name).name)[-LONGEST_NAME:] or "file"
    type, digest = sniffed(content), hashlib.sha256(content).digest()
    if not type:
        words = N_("{name} is none of PNG, JPEG, GIF, PDF, plain text in UTF-8 or a mail; convert it first")
        raise ValueError(gettext(words, name=shown))
    return Attachment(str(ULID()), incident, now, who, shown, type, len(content), digest, content)


def sniffed(content: bytes) -> str:
    """The media type that the content has, "" for one that is not taken."""
    for magic, type in _MAGIC.items():
        if content.startswith(magic):
            return type
    if _CONTROLS & frozenset(content):
        return ""
    try:
        content.decode()
    except UnicodeDecodeError:
        return ""
    return "message/rfc822" if _HEADER.match(content) else "text/plain"


async def add(conn: AsyncConnection, attachment: Attachment) -> None:
    """Keep a file. Raises ValueError when its incident has as many as it may."""
    count = select(func.count()).where(attachments.c.incident == attachment.incident)
    if (await conn.scalar(count) or 0) >= MOST:
        words = N_("incident {incident} has {most} files already; remove one first")
        raise ValueError(gettext(words, incident=attachment.incident, most=MOST))
    await conn.execute(insert(attachments), attachment._asdict())


async def of_incident(conn: AsyncConnection, incident: str) -> tuple[Attachment, ...]:
    """The files of an incident without their content, oldest first."""
    columns = [attachments.c[name] for name in Attachment._fields if name != "content"]
    rows = await conn.execute(select(*columns).where(attachments.c.incident == incident).order_by(attachments.c.id))
    return tuple(Attachment(*row) for row in rows)


async def get(conn: AsyncConnection, id: str) -> Attachment | None:
    """A file with its content."""
    columns = [attachments.c[name] for name in Attachment._fields]
    row = (await conn.execute(select(*columns).where(attachments.c.id == id))).one_or_none()
    return None if row is None else Attachment(*row)


async def remove(conn: AsyncConnection, id: str) -> bool:
    """Delete a file; False if there is none of that id."""
    return (await conn.execute(delete(attachments).where(attachments.c.id == id))).rowcount > 0
