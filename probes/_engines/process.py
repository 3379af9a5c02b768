"""Runs a program once, within bounds: its time, its output, its surroundings, and whatever it has started itself."""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NamedTuple

MOST_OUTPUT = 64 * 1024
"""Bytes that are kept of what a program writes; the rest is read and dropped."""

_PORTION = 64 * 1024
_PAUSE = 0.02  # seconds between two portions that are dropped: who writes without end shall not keep us busy
_FAREWELL = 0.2  # seconds from the request to end to the end by force, and from there to giving up on it
_LAST_WORDS = 0.1  # seconds for what is left in the pipes, which end with the last process that holds them


class Ended(NamedTuple):
    """How a program ended.

    `status` is its exit status, negative the signal that ended it, None when it had to be ended because time was up.
    `output` and `errors` are the beginnings of what it wrote to each.
    """

    status: int | None
    output: bytes
    errors: bytes


async def run(command: Sequence[str], environment: Mapping[str, str], timeout: float) -> Ended:
    """Run a program, without a shell, until it ends or `timeout` seconds are nearly over.

    It sees this environment and nothing else of ours: no input, no open file, the root as its folder, a session of its
    own. When it has ended, what it started in that session is ended as well. Raises OSError when it cannot be started.
    """
    program = _Program(command, environment)
    try:
        await asyncio.wait({program.over}, timeout=max(timeout - 2 * _FAREWELL - _LAST_WORDS, timeout / 2))
        late = not program.over.done()
        for number in (signal.SIGTERM, signal.SIGKILL) if late else ():
            program.signal(number)
            await asyncio.wait({program.over}, timeout=_FAREWELL)
        status = None if late else program.over.result()
        if program.taps:
            await asyncio.wait({tap.ended for tap in program.taps}, timeout=_LAST_WORDS)
        output, errors = (bytes(tap.kept) for tap in program.taps) if program.taps else (b"", b"")
        return Ended(status, output, errors)
    finally:
        program.abandon()


class _Program:
    """A program that runs, with a thread that starts it and waits for it.

    The event loop's own way would not do: uvloop lets children inherit open files, and to start a program from a slow
    disk would hold up all other checks. The thread also outlives the run: no program stays a zombie.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._reaped = False
        self.over: asyncio.Future[int] = self._loop.create_future()
        self.taps: tuple[_Tap, ...] = ()
        threading.Thread(target=self._live, args=(command, environment), name=command[0], daemon=True).start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program and all that it has started in its session's group."""
        with self._lock:
            if self._process is not None and not self._reaped:  # else its number may be another's by now
                _signal_group(self._process.pid, number)

    def abandon(self) -> None:
        """End what still runs and hear no more of it."""
        self.over.cancel()
        self.signal(signal.SIGKILL)
        for tap in self.taps:
            tap.close()

    def _live(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """From start to end, in the thread."""
        try:
            process = subprocess.Popen(  # noqa: S603 - without a shell, and the words are the configuration's
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            self._tell(self._settle, error)
            return
        self._process = process
        if not self._tell(self._listen, process):
            self.signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:  # not reaped yet: its number still means its group and no other
            _signal_group(process.pid, signal.SIGKILL)
            status = process.wait()
            self._reaped = True
        self._tell(self._settle, status)

    def _tell(self, callback: Callable[..., None], *news: object) -> bool:
        """Have the event loop hear of it; whether it still runs."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *news)
            return True
        return False

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        self.taps = tuple(_Tap(file) for file in (process.stdout, process.stderr) if file is not None)
        if self.over.done():
            self.abandon()

    def _settle(self, end: int | OSError) -> None:
        if self.over.done():
            return
        if isinstance(end, OSError):
            self.over.set_exception(end)
        else:
            self.over.set_result(end)


class _Tap:
    """What comes out of a pipe: the beginning is `kept`, the rest may pass; `ended` when nothing more can come."""

    def __init__(self, file: IO[bytes]) -> None:
        self._loop = asyncio.get_running_loop()
        self._file = file
        self._pause: asyncio.TimerHandle | None = None
        self.kept = bytearray()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(file.fileno(), False)
        self._open()

    def close(self) -> None:
        """Hear no more. What still writes gets an error."""
        if self.ended.done():
            return
        self.ended.set_result(None)
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._file.fileno())
        self._file.close()

    def _open(self) -> None:
        self._loop.add_reader(self._file.fileno(), self._read)

    def _read(self) -> None:
        try:
            portion = os.read(self._file.fileno(), _PORTION)
        except BlockingIOError:
            return
        if not portion:
            self.close()
            return
        self.kept += portion[: MOST_OUTPUT - len(self.kept)]
        if len(self.kept) == MOST_OUTPUT:
            self._loop.remove_reader(self._file.fileno())
            self._pause = self._loop.call_later(_PAUSE, self._open)


def _signal_group(leader: int, number: signal.Signals) -> None:
    # PermissionError: all that is left of it runs as another user.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
