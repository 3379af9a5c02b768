"""Bodies of HTTP transfers that are counted and dropped, or made up as they are sent: for those who measure a line."""

import fcntl
import os
import struct
import termios
from dataclasses import dataclass
from functools import cache

import pycurl

from probes._engines.http.failures import Received

_READ_AHEAD = 32 * 1024  # bytes that libcurl takes before the socket does: they count as sent, and are not
_NOISE = 1024 * 1024  # bytes that are sent again and again


@cache
def _noise() -> bytes:
    """Random bytes, so that nobody on the way can compress them."""
    return os.urandom(_NOISE)


@dataclass(slots=True)
class Tally:
    """Bytes of bodies that a run has received and sent so far."""

    received: int = 0
    sent: int = 0

    @property
    def total(self) -> int:
        """Bytes in both directions."""
        return self.received + self.sent


class Flow(Received):
    """One transfer whose bodies are counted in `tally`; it sends a body of `size` bytes if that is more than 0."""

    def __init__(self, tally: Tally, size: int = 0) -> None:
        super().__init__(most_body=0)
        self.moved = 0
        self._tally = tally
        self._size = size
        self._curl: pycurl.Curl | None = None

    def data(self, chunk: bytes) -> int:
        """Count what came in."""
        self._tally.received += len(chunk)
        if not self._size:
            self.moved += len(chunk)
        return len(chunk)

    def configure(self, curl: pycurl.Curl) -> None:
        """Set what a counted transfer needs beside what every transfer has."""
        # It reads 16 KB at once, as libcurl likes it: more saves little, and holds up the event loop for longer.
        self._curl = curl
        curl.setopt(pycurl.FRESH_CONNECT, 0)  # one that has found its speed is used again
        curl.setopt(pycurl.FORBID_REUSE, 0)
        curl.setopt(pycurl.ACCEPT_ENCODING, "identity")
        if not self._size:
            return
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.POSTFIELDSIZE_LARGE, self._size)
        curl.setopt(pycurl.UPLOAD_BUFFERSIZE, _READ_AHEAD)
        curl.setopt(pycurl.READFUNCTION, self._read)
        curl.setopt(pycurl.SEEKFUNCTION, self._seek)
        # Without "Expect:", libcurl would wait a second for a "100 Continue" that few servers send.
        curl.setopt(pycurl.HTTPHEADER, ["Expect:", "Content-Type: application/octet-stream"])

    @property
    def unacknowledged(self) -> int:
        """Bytes sent that still wait in this machine's own buffers: the other side has not confirmed them."""
        if not self._size or self._curl is None:
            return 0
        try:
            waiting = fcntl.ioctl(self._curl.getinfo(pycurl.ACTIVESOCKET), termios.TIOCOUTQ, bytes(4))
        except (OSError, ValueError):  # there is no connection yet, or no more
            return 0
        return min(int(struct.unpack("i", waiting)[0]), self.moved)

    def release(self) -> None:
        """Forget the handle, which others will use."""
        self._curl = None

    def _read(self, most: int) -> bytes:
        size = min(most, self._size - self.moved)
        begin = self.moved % (_NOISE - _READ_AHEAD)
        portion = _noise()[begin : begin + size]
        self.moved += len(portion)
        self._tally.sent += len(portion)
        return portion

    def _seek(self, offset: int, _origin: int) -> int:
        """Begin again: a connection that was used before turned out to be closed."""
        self.moved = offset
        return int(pycurl.SEEKFUNC_OK)
