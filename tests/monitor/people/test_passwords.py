"""Which passwords are good enough, and what is stored of them."""

import asyncio

import pytest

from monitor.people import passwords
from monitor.people.passwords import Busy, Passwords, objection


@pytest.mark.parametrize(
    ("password", "name", "reason"),
    [
        ("elevencharc", "ana", "has 11 characters"),
        ("x" * 257, "ana", "has 257 characters"),
        ("ababababababab", "ana", "less than four different"),
        ("christopher-1", "christopher", "hardly more than the name"),
        ("Ana.Example2026", "ana.example@example.org", "hardly more than the name"),
        ("Password-1234", "ana", "tried first"),
        ("correct horse battery staple", "ana", "tried first"),
    ],
)
def test_what_is_guessed_first_is_refused_in_words(password: str, name: str, reason: str) -> None:
    assert reason in objection(password, name)


@pytest.mark.parametrize(
    "password", ["four words and a tram", "хорошо иметь трамвай", "anabelle plays the tuba", "🚋🚌🚎🚐" * 3]
)
def test_any_signs_will_do_if_there_are_enough(password: str) -> None:
    assert objection(password, "ana") == ""


async def test_a_password_fits_its_hash_and_no_other() -> None:
    kept = Passwords()
    stored = await kept.hashed("four words and a tram")
    assert stored.startswith("$argon2id$v=19$m=32768,t=2,p=1$")
    assert await kept.fits(stored, "four words and a tram")
    assert not await kept.fits(stored, "four words and a bus")
    assert not await kept.fits("not a hash", "four words and a tram")


async def test_for_somebody_who_does_not_exist_as_much_is_done_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, looked = Passwords(), []
    verify = kept._hasher.verify
    monkeypatch.setattr(
        type(kept._hasher), "verify", lambda self, stored, given: (looked.append(stored), verify(stored, given))[1]
    )
    assert not await kept.fits("", "four words and a tram")
    assert looked[0].startswith("$argon2id$v=19$m=32768,t=2,p=1$")


async def test_no_more_than_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING", 1)
    kept = Passwords()
    found = await asyncio.gather(*(kept.hashed(f"password {n}") for n in range(5)), return_exceptions=True)
    assert [isinstance(one, Busy) for one in found] == [False] * 3 + [True] * 2
