"""Files of an incident: a few kinds, told from their content, few and small enough to keep."""

import hashlib
from datetime import UTC, datetime

import pytest

from alerting.rules import Severity
from incidents.incident import Incident
from monitor.store import Store, attachments, incidents
from monitor.store.attachments import LARGEST, MOST, attached, sniffed

NOW = datetime(2026, 8, 3, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "type"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
        (b"\xff\xd8\xff\xe0\0", "image/jpeg"),
        (b"GIF89a\0", "image/gif"),
        (b"%PDF-1.7\n\0", "application/pdf"),
        ("router: Störung\n\ttry again".encode(), "text/plain"),
        (b"Received: from a by b\r\nSubject: fault\r\n\r\nwords", "message/rfc822"),
        (b"MZ\0\0", ""),
        (b"\xfe\xff\0w\0o", ""),
        (b"caf\xe9", ""),
    ],
)
def test_the_type_is_told_from_the_content(content: bytes, type: str) -> None:
    assert sniffed(content) == type


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "0 bytes"), (b"x" * (LARGEST + 1), "5,000,001 bytes"), (b"MZ\0", "convert it")]
)
def test_what_is_empty_too_large_or_unknown_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        attached("i1", "setup.exe", content, "Ana", NOW)


@pytest.mark.parametrize(
    ("given", "name"),
    [("../../etc/passwd", "passwd"), ("C:\\logs\\a.txt", "a.txt"), ("a\nb\u202e.txt", "a b .txt"), ("", "file")],
)
def test_a_name_is_a_line_without_a_path(given: str, name: str) -> None:
    assert attached("i1", given, b"words", "Ana", NOW).name == name
    assert len(attached("i1", "x" * 999, b"words", "Ana", NOW).name) == attachments.LONGEST_NAME


async def test_files_are_kept_with_their_incident_and_go_with_it(store: Store) -> None:
    one = attached("i1", "router.log", b"words", "Ana", NOW)
    async with store.begin() as conn:
        await incidents.save(conn, Incident("i1", "door", "Door is down", Severity.WARNING, NOW))
        await attachments.add(conn, one)
    async with store.connect() as conn:
        (shown,) = await attachments.of_incident(conn, "i1")
        assert await attachments.get(conn, one.id) == one
    assert (shown.content, shown.digest, shown.size) == (b"", hashlib.sha256(b"words").digest(), 5)
    async with store.begin() as conn:
        assert await attachments.remove(conn, one.id)
        assert not await attachments.remove(conn, one.id)


async def test_an_incident_has_a_bounded_number_of_files(store: Store) -> None:
    async with store.begin() as conn:
        await incidents.save(conn, Incident("i1", "door", "Door is down", Severity.WARNING, NOW))
        for number in range(MOST):
            await attachments.add(conn, attached("i1", f"{number}.txt", b"words", "Ana", NOW))
        with pytest.raises(ValueError, match="has 20 files already"):
            await attachments.add(conn, attached("i1", "more.txt", b"words", "Ana", NOW))
