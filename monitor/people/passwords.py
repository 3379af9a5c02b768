"""Passwords: which are good enough, and what is stored of them."""

import asyncio
import secrets
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from language import N_, gettext

SHORTEST, LONGEST = 12, 256
"""Characters. NIST SP 800-63B asks for length, and for no mixture of signs."""

AT_ONCE = 2
"""Passwords that are hashed at the same time; each takes 32 MiB."""
WAITING = 20
"""Passwords that may wait for their turn."""

_BESIDE_THE_NAME = 8
"""Letters and digits that a password with the name in it must have beside the name."""


class Busy(Exception):  # noqa: N818 - read as a sentence
    """Too many passwords wait to be looked at."""


def objection(password: str, name: str) -> str:
    """Why a password is not good enough for the person of that name, with the remedy; "" if it is."""
    plain = "".join(one for one in password.casefold() if one.isalnum())
    if len(password) < SHORTEST:
        words = N_("The password has {number} characters; take {least} or more, such as four words.")
        return gettext(words, number=len(password), least=SHORTEST)
    if len(password) > LONGEST:
        words = N_("The password has {number} characters; at most {most} are taken.")
        return gettext(words, number=len(password), most=LONGEST)
    if len(set(password)) < 4:
        return gettext("The password is made of less than four different characters; take another.")
    own = "".join(one for one in name.partition("@")[0].casefold() if one.isalnum())
    if own and own in plain and len(plain.replace(own, "")) < _BESIDE_THE_NAME:
        return gettext("The password is hardly more than the name; take another.")
    if plain in _common():
        return gettext("The password is among those that are tried first; take another.")
    return ""


@cache
def _common() -> frozenset[str]:
    """Of the lists of leaked passwords those that are long enough to be taken otherwise, letters and digits alone."""
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text("utf-8").split())


class Passwords:
    """Hashes passwords beside the event loop, a few at a time: argon2id with 32 MiB (OWASP wants 19 or more)."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=32 * 1024, parallelism=1)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobodys = ""

    async def hashed(self, password: str) -> str:
        """What is stored of a password. Raises Busy."""
        return await self._turn(password, "") or ""

    async def fits(self, stored: str, password: str) -> bool:
        """Whether it is the password; as long a look for somebody without one (""), who never has it. Raises Busy."""
        if not self._nobodys:
            self._nobodys = await self.hashed(secrets.token_hex(32))
        return await self._turn(password, stored or self._nobodys) is not None and bool(stored)

    async def _turn(self, password: str, stored: str) -> str | None:
        if self._waiting >= AT_ONCE + WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(self._work, password, stored)
        finally:
            self._waiting -= 1

    def _work(self, password: str, stored: str) -> str | None:
        """The hash of a new password; of a stored one the hash again, None if it is another password."""
        known = password.encode("utf-8", "surrogatepass")
        if not stored:
            return self._hasher.hash(known)
        try:
            self._hasher.verify(stored, known)
        except (VerificationError, InvalidHashError):
            return None
        return stored
