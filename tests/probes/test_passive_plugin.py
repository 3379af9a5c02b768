"""Monitoring plugins: Debian's own, and some that behave as none should."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from peers import require
from peers.service import until
from pydantic import SecretStr, ValidationError

from monitor.reading import read
from probes import Reading, Sample, Status, Unmeasured, load
from probes._engines import Engines
from probes._engines.process import MOST_OUTPUT, Ended, run
from probes.passive.plugin import SURROUNDINGS, PluginParams, judge

DEBIAN = "/usr/lib/nagios/plugins"


async def reading(command: Any, timeout: float = 60, **settings: Any) -> Reading:
    params = PluginParams(command=command, **settings)
    return await read("", load("passive.plugin")(params, Engines()), timeout)


async def unended(command: Any, timeout: float) -> Unmeasured:
    """What is said of one that had to be ended."""
    with pytest.raises(Unmeasured) as unknown:
        await load("passive.plugin")(PluginParams(command=command), Engines()).measure(timeout)
    return unknown.value


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., str]:
    """Writes a plugin in shell; its path."""

    def write(text: str, first: str = "#!/bin/sh") -> str:
        path = tmp_path / f"check_{len(list(tmp_path.iterdir()))}"
        path.write_text(f"{first}\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


def debian(name: str) -> str:
    path = Path(DEBIAN, name)
    if not path.exists():
        require.missing("monitoring-plugins-basic is not installed")
    return str(path)


async def gone(pids: Path) -> None:
    """Wait until none of the processes runs whose numbers are in the file, and none of ours is a zombie."""

    async def none_runs() -> bool:
        return not any(alive(int(pid)) for pid in pids.read_text().split())

    await until(none_runs, "the processes to be gone")


def alive(pid: int) -> bool:
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):  # it went while we looked
        return False
    return state != "Z" or int(parent) == os.getpid()


@pytest.mark.parametrize(
    ("status", "expected", "reason"),
    [
        (0, Status.UP, "ok"),
        (1, Status.UP, "ok"),
        (2, Status.DOWN, "critical"),
        (3, Status.UNKNOWN, "no_source"),
    ],
)
async def test_the_exit_status_decides(status: int, expected: Status, reason: str) -> None:
    found = await reading([debian("check_dummy"), status, "so it is|time=2ms 'free space'=50%"])
    assert (found.status, found.reason) == (expected, reason)
    assert "so it is" in found.detail
    if expected is not Status.UNKNOWN:
        assert found.value("probe_plugin_state") == status
        assert found.value("probe_plugin_seconds", "time") == pytest.approx(0.002)
        assert found.value("probe_plugin_ratio", "free space") == 0.5


async def test_a_plugin_of_debian_is_found_by_its_name_and_measures() -> None:
    debian("check_tcp")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    up = await reading(f"check_tcp -H 127.0.0.1 -p {port} -t 60")
    server.close()
    await server.wait_closed()
    down = await reading(f"check_tcp -H 127.0.0.1 -p {port} -t 60")
    assert (up.status, down.status) == (Status.UP, Status.DOWN)
    assert up.detail.startswith("TCP OK")
    assert 0 < (up.value("probe_plugin_seconds", "time") or 0) < 60
    assert "Connection refused" in down.detail


async def test_figures_of_a_plugin_of_debian_are_read() -> None:
    found = await reading([debian("check_disk"), "-w", "0%", "-c", "0%", "-p", "/"])
    assert (found.value("probe_plugin_bytes", "/") or 0) > 0


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_it_sees_nothing_of_ours(
    loop: Callable[[], asyncio.AbstractEventLoop], script: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "private")
    opened = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(opened, True)
    look = script('readlink /proc/self/cwd; cat; env | grep -v -e "^_=" -e "^PWD="; echo $(ls /proc/self/fd)')
    with asyncio.Runner(loop_factory=loop) as runner:
        ended = runner.run(run([look], {**SURROUNDINGS, "MINE": "1"}, 60))
    os.close(opened)
    folder, *environment, files = ended.output.decode().split("\n")[:-1]
    assert folder == "/"
    assert sorted(environment) == sorted(f"{k}={v}" for k, v in {**SURROUNDINGS, "MINE": "1"}.items())
    assert files == "0 1 2 3"  # input, output, errors, and the folder that is listed


async def test_words_reach_the_plugin_as_they_are(script: Callable[..., str]) -> None:
    echo = script("printf '<%s>' \"$@\"")
    assert (await reading([echo, "a b", "$HOME", "*", ";", 7])).detail == "<a b><$HOME><*><;><7>"
    assert (await reading(f"{echo} 'a b' $HOME '*' > x")).detail == "<a b><$HOME><*><>><x>"


async def test_secrets_are_handed_over_and_never_shown(
    script: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORD", "hunter2")
    monkeypatch.setenv("LONGER", "hunter2 and more")
    check = script('test "$1" = hunter2 && test "$PW" = "hunter2 and more" && echo "login $1, $PW|$1=1"')
    settings: dict[str, Any] = {"command": f"{check} ${{env:WORD}}", "env": {"PW": "${env:LONGER}"}}
    found = await reading(**settings)
    assert (found.status, found.detail) == (Status.UP, "login ***, ***")
    assert found.samples[1:] == (Sample("probe_plugin_value", 1, "***"),)
    params = PluginParams(**settings)
    assert params.target == f"{check} '**********'"
    assert "hunter2" not in repr(params)


async def test_endless_output_is_cut_and_the_rest_may_pass(script: Callable[..., str]) -> None:
    ended = await run([script("echo first; yes | head -c 1000000; exit 1")], SURROUNDINGS, 60)
    assert (ended.status, len(ended.output)) == (1, MOST_OUTPUT)
    endless = await unended([script("echo first; exec yes")], 1)
    assert endless.reason == "no_source"
    assert "did not end within 1 s" in endless.detail


async def test_one_that_will_not_end_is_ended_with_all_that_it_started(
    script: Callable[..., str], tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    stubborn = script(f"trap '' TERM\nsleep 1000 & echo $! $$ >{pids}; while :; do sleep 0.1; done")
    assert (await unended([stubborn], 4)).reason == "no_source"
    await gone(pids)


async def test_one_that_ends_leaves_nothing_behind(script: Callable[..., str], tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    found = await reading([script(f"sleep 1000 & echo $! >{pids}; echo done")])
    assert (found.status, found.detail) == (Status.UP, "done")
    await gone(pids)


async def test_one_that_is_no_longer_wanted_is_ended(script: Callable[..., str], tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    task = asyncio.create_task(run([script(f"echo $$ >{pids}; sleep 1000")], SURROUNDINGS, 100))

    async def begun() -> bool:
        return pids.exists() and bool(pids.read_text().strip())

    await until(begun, "the plugin to begin")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(pids)


def opened() -> set[str]:
    """What this process has open."""
    found = set()
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # what listed the folder
            found.add(str(file.readlink()))
    return found


async def test_a_run_costs_no_open_file(script: Callable[..., str]) -> None:
    check = script("echo fine; (sleep 1000) & exit 0")
    await reading([check])
    before = opened()
    for _ in range(5):
        await reading([check])
        await run([script("exec yes")], SURROUNDINGS, 0.2)
        with pytest.raises(FileNotFoundError):
            await run(["/no/such/plugin"], SURROUNDINGS, 5)

    async def all_closed() -> bool:
        return opened() <= before

    await until(all_closed, "the pipes to be closed")


async def test_what_cannot_be_run_is_unknown_with_a_remedy(script: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("echo")
    cases = [
        ("/no/such/plugin", "no_source", "install it, or correct `command`"),
        ("no_such_plugin", "no_source", "there is no program no_such_plugin"),
        (str(tmp_path / "plain"), "no_permission", "chmod +x"),
        (script("", first="no interpreter"), "no_source", "a script begins with #!"),
        (script("no_such_command"), "no_source", "exit status 127: a program that it needs was not found"),
        (script("exit 42"), "no_source", "exit status 42; plugins know 0 to 3"),
        (script("kill -SEGV $$"), "no_source", "was ended by SIGSEGV; run it by hand"),
        (script("exit 3"), "no_source", "it says UNKNOWN, and nothing more"),
    ]
    for command, reason, words in cases:
        found = await reading([command])
        assert (found.status, found.reason) == (Status.UNKNOWN, reason)
        assert words in found.detail


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("exit 0", "the plugin says OK, and nothing more"),
        ("echo trouble >&2; exit 1", "trouble"),
        (r"printf '\377\000\033[31mred\n'", "\ufffd\ufffd\ufffd[31mred"),
    ],
)
async def test_little_or_strange_output_is_still_an_answer(text: str, detail: str, script: Callable[..., str]) -> None:
    found = await reading([script(text)])
    assert (found.status, found.detail) == (Status.UP, detail)


def test_no_more_figures_are_shown_than_fit() -> None:
    figures = " ".join(f"l{n}={n}" for n in range(5000))
    assert len(judge(Ended(0, f"OK|{figures}".encode(), b""), (), 5).samples) == 51


def test_an_unknown_signal_has_its_number() -> None:
    with pytest.raises(Unmeasured, match="ended by signal 99"):
        judge(Ended(-99, b"", b""), (), 5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"command": []}, "at least 1"),
        ({"command": ""}, "at least 1"),
        ({"command": "plugins/check_x"}, "write its whole path"),
        ({"command": "check_x 'open"}, "cannot be split into words"),
        ({"command": ["check_x", "a\0b"]}, "zero byte"),
        ({"command": ["check_x", True]}, "valid string"),
        ({"command": "check_x ${HOME}"}, "secrets do not belong in the file"),
        ({"command": ["${env:PW}"]}, "must not be a secret"),
        ({"command": "check_x", "env": {"A=B": "1"}}, "pattern"),
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "hunter2")
    with pytest.raises(ValidationError, match=words) as refused:
        PluginParams(**settings)
    assert "hunter2" not in str(refused.value)


def test_a_command_line_is_split_as_a_shell_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "two words; rm -rf /")
    params = PluginParams(command="check_x -p ${env:PW} 'a b'")
    assert params.command == ("check_x", "-p", SecretStr("two words; rm -rf /"), "a b")
    assert PluginParams(command=["check_x", "-w", 1.5, 8080]).command == ("check_x", "-w", "1.5", "8080")
