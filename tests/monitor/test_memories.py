"""What checks remember survives the end of the process."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from monitor.config.model import Config
from monitor.memories import Memories
from monitor.store import Store
from probes._engines.memory import MOST, Memory

SITE = """\
site: {id: harbour, timezone: Europe/Lisbon}
doors:
  - {id: door, checks: [{kind: internet.tcp, host: 127.0.0.1, port: 80}]}
"""


async def ended(memories: Memories) -> None:
    """Run until everything is written, as at a clean stop."""
    task = asyncio.create_task(memories.run())
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_it_is_there_again_after_a_restart_and_gone_with_its_check(tmp_path: Path, config: Config) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    before, after = Memory(), Memory()
    first = Memories(store, before)
    await first.adopt(config)
    before.keep("door/tcp", {"seen": ["a"]})
    before.keep("removed/tcp", {"seen": ["b"]})
    await ended(first)
    await Memories(store, after).adopt(config)
    assert after.recall("door/tcp") == {"seen": ["a"]}
    assert after.recall("removed/tcp") == {}
    await store.close()


async def test_a_reload_does_not_bring_back_what_was_known_at_the_start(tmp_path: Path, config: Config) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    memory = Memory()
    memories = Memories(store, memory)
    await memories.adopt(config)
    memory.keep("door/tcp", {"count": 1})
    await memories.adopt(config)
    assert memory.recall("door/tcp") == {"count": 1}
    await store.close()


async def test_what_could_not_be_written_is_written_later(tmp_path: Path, config: Config) -> None:
    path = tmp_path / "state.db"
    memory, closed, store = Memory(), await Store.open(f"sqlite:///{path}"), await Store.open(f"sqlite:///{path}")
    memory.keep("door/tcp", {"count": 1})
    async with closed.begin() as conn:
        await conn.exec_driver_sql("ALTER TABLE memories RENAME TO elsewhere")
    await ended(Memories(store, memory))
    async with closed.begin() as conn:
        await conn.exec_driver_sql("ALTER TABLE elsewhere RENAME TO memories")
    await ended(Memories(store, memory))
    again = Memory()
    await Memories(store, again).adopt(config)
    assert again.recall("door/tcp") == {"count": 1}
    await closed.close()
    await store.close()


def test_what_is_asked_for_on_demand_remembers_nothing() -> None:
    memory = Memory()
    memory.keep("", {"seen": ["a"]})
    assert memory.recall("") == {}
    assert memory.take_changed() == {}


def test_only_what_changed_is_written() -> None:
    memory = Memory()
    memory.restore({"one": {"a": 1}})
    memory.keep("one", {"a": 1})
    memory.keep("two", {"b": 2})
    assert memory.take_changed() == {"two": {"b": 2}}
    assert memory.take_changed() == {}


def test_a_memory_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match=r"door/tcp would remember \d+ bytes"):
        Memory().keep("door/tcp", {"seen": "a" * MOST})
