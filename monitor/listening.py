"""What the pages listen with: the certificate, which is renewed while they run, and what must not be exposed."""

import asyncio
import logging
import ssl
from pathlib import Path

from monitor.config.model import Config, Server, Tls
from monitor.hosts import is_loopback
from monitor.people.accounts import has_users
from monitor.store import Store

log = logging.getLogger(__name__)

LOOK = 10.0
"""Seconds between two looks at whether the certificate's files have changed."""


class Certificate:
    """A TLS context whose certificate is read again when its files change; open connections keep the old one."""

    def __init__(self, tls: Tls) -> None:
        """Raises ValueError for files that cannot be used."""
        self.context = _context()
        self._tls = tls
        self._seen = self._state()
        self.read()

    def read(self) -> None:
        """Take the files as they are now. Raises ValueError, and leaves the old ones in use, if they cannot be used."""
        # Into a context of its own first: a key that does not fit would leave the one in use without any.
        _load(_context(), self._tls)
        _load(self.context, self._tls)

    async def watch(self) -> None:
        """Take new files soon after they are there, until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            await self.look()

    async def look(self) -> None:
        """Take new files if there are any. Of two files one is new first: what does not fit is tried again."""
        state = await asyncio.to_thread(self._state)
        if state == self._seen:
            return
        try:
            await asyncio.to_thread(self.read)
        except ValueError as error:
            log.warning("the new certificate cannot be used, the old one stays", extra={"error": str(error)})
        else:
            log.info("certificate renewed", extra={"certificate": str(self._tls.certificate)})
            self._seen = state

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_stamp(path) for path in (self._tls.certificate, self._tls.key))


async def require_protected(config: Config, store: Store) -> None:
    """Raises ValueError if the pages would be open to other machines without TLS, or with nobody who can sign in."""
    async with store.connect() as conn:
        known = await has_users(conn, config.site.id)
    if reason := objection(config.server, known):
        raise ValueError(reason)


def objection(server: Server, has_users: bool) -> str:
    """Why the pages must not listen where they should, with the remedy; "" if they may."""
    if is_loopback(server.host) or server.insecure:
        return ""
    missing = [
        *(["`server.tls` with a certificate"] if server.tls is None else []),
        *(["somebody who can sign in (`deskwatch user add NAME --role admin`)"] if not has_users else []),
    ]
    if not missing:
        return ""
    return (
        f"`server.listen` opens the pages on {server.host} to other machines, and there is not yet "
        f"{' nor '.join(missing)}. Add it; or listen on 127.0.0.1 behind a proxy with TLS; or, where something else "
        "protects that address, such as a container's network, write `server.insecure: true`"
    )


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _load(context: ssl.SSLContext, tls: Tls) -> None:
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=_no_password)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        words = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise ValueError(
            f"the certificate {tls.certificate} with the key {tls.key} cannot be used: {words}; both must be PEM "
            "files, belong together, and be readable for the user of Deskwatch"
        ) from None


def _no_password() -> str:
    raise ValueError("the key is locked with a password")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
