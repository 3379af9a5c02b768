"""Harbour Street while it runs: its devices, its configuration, its faults and the way to them."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from monitor.demo import control, script
from monitor.demo.certificates import Authority
from monitor.demo.control import Control, Request
from monitor.demo.devices import TIMEZONE, made
from monitor.demo.errors import DemoError
from monitor.demo.faults import FAULTS, Fault, find
from monitor.demo.passwords import Passwords, keep
from monitor.demo.peers import WELL
from monitor.demo.site import site_file

LONGEST = 3600.0
"""Seconds that a fault may last."""


class Demo:
    """A running Harbour Street, from `async with` to its end.

    The board is to be served on `port`. Its files are in `folder`, the configuration among them at `config_path`;
    `sink` holds the messages that it got.
    """

    def __init__(self, folder: Path, port: int = 8470) -> None:
        self.folder = folder
        self._port = port
        self.config_path = folder / "site.yaml"
        self._authority = Authority()
        self._passwords = Passwords.new()
        self._devices = made(self._authority, self._passwords, port)
        self.sink = self._devices.sink
        self._group = asyncio.TaskGroup()
        self._ends: dict[str, asyncio.Task[None]] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start all devices and write the configuration. Raises DemoError when that cannot be done."""
        async with AsyncExitStack() as stack:
            try:
                await self._start(stack)
            except OSError as error:
                raise DemoError(
                    f"cannot set up the demo in {self.folder}: {error}; it needs a folder that can be written and, "
                    "as Linux has it, all of 127.0.0.0/8 on this machine"
                ) from error
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all devices."""
        # Not handed on to the stack: its task group would wrap the error, and nobody could tell what it was.
        await self._stack.aclose()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that there are now."""
        return tuple(fault for fault in FAULTS if self._devices.named(fault.device).mood == fault.mood)

    @property
    def orders(self) -> tuple[str, ...]:
        """What somebody told the devices to do or to change, which are there to be read; newest last of each."""
        return tuple(order for device in self._devices for order in device.orders)

    async def begin(self, id: str) -> None:
        """Begin a fault, which ends another one of the same device. Raises DemoError when there is no such fault."""
        fault = _known(id)
        self._cancel(id)
        await self._devices.named(fault.device).behave(fault.mood)

    async def end(self, id: str) -> None:
        """End a fault; one that has ended, or was replaced, stays as it is. Raises DemoError if there is none such."""
        fault = _known(id)
        self._cancel(id)
        device = self._devices.named(fault.device)
        if device.mood == fault.mood:
            await device.behave(WELL)

    async def begin_for(self, id: str, seconds: float) -> None:
        """Begin a fault that ends by itself. Raises DemoError."""
        if not 0 < seconds <= LONGEST:
            raise DemoError(f"a fault lasts more than 0 and at most {LONGEST:g} seconds, not {seconds:g}")
        await self.begin(id)
        self._ends[id] = self._group.create_task(self._end_later(id, seconds), name=f"end {id}")

    async def play(self, acknowledge: script.Acknowledge) -> None:
        """Let faults come and go as in the script, until cancelled."""
        await script.play(script.Stage(self.begin, self.end, asyncio.sleep), acknowledge, script.scenes())

    async def _start(self, stack: AsyncExitStack) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        entrance = Control(self.folder, self._answer)
        await entrance.start()
        stack.push_async_callback(entrance.stop)
        for device in self._devices:
            stack.push_async_callback(device.stop)
            await device.start()
        self._write()
        await stack.enter_async_context(self._group)
        stack.callback(self._cancel_all)

    async def _end_later(self, id: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        del self._ends[id]  # before `end`, which would cancel us
        await self.end(id)

    def _cancel(self, id: str) -> None:
        task = self._ends.pop(id, None)
        if task is not None:
            task.cancel()

    def _cancel_all(self) -> None:
        for id in tuple(self._ends):
            self._cancel(id)

    def _write(self) -> None:
        authority = self.folder / "authority.pem"
        self._authority.write(authority)
        calendar = self._devices.calendar
        urls = {f"{room}-calendar": calendar.url(room) for room in ("harbour", "lighthouse")}
        values = {**self._passwords._asdict(), **urls, "sink": self.sink.url}
        today = datetime.now(ZoneInfo(TIMEZONE)).date()
        text = site_file(self._port, self._devices, keep(self.folder / "secrets", values), authority, today)
        self.config_path.write_text(text, encoding="utf-8")

    async def _answer(self, request: Request) -> Request:
        match request:
            case {"do": "begin", "fault": str(id), "seconds": int() | float() as seconds}:
                await self.begin_for(id, seconds)
            case {"do": "list"}:
                pass
            case _:
                raise DemoError('expected {"do": "begin", "fault": ID, "seconds": N} or {"do": "list"}')
        return {"faults": [fault.id for fault in self.faults]}


async def trigger(folder: Path, fault: str, seconds: float) -> None:
    """Begin a fault in the demo that runs in a folder. Raises DemoError."""
    _known(fault)
    await control.ask(folder, {"do": "begin", "fault": fault, "seconds": seconds})


async def running(folder: Path) -> tuple[Fault, ...]:
    """The faults that there are now in the demo that runs in a folder. Raises DemoError when none runs."""
    answer = await control.ask(folder, {"do": "list"})
    return tuple(_known(id) for id in answer.get("faults", ()))


def _known(id: str) -> Fault:
    fault = find(id)
    if fault is None:
        raise DemoError(f"there is no fault {id!r}; there are {', '.join(one.id for one in FAULTS)}")
    return fault
