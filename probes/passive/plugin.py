"""Runs a monitoring plugin, of the kind that Nagios and Icinga run, and takes its word."""

import shlex
import signal
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from probes import DefaultRule, Failed, Measured, Metric, Params, Probe, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.excerpt import excerpt
from probes._engines.perfdata import parse
from probes._engines.process import Ended, run
from probes._secrets import resolve

SURROUNDINGS: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ":/usr/lib/nagios/plugins:/usr/lib64/nagios/plugins:/usr/lib/monitoring-plugins:/usr/local/nagios/libexec",
    "LC_ALL": "C.UTF-8",
}
"""All that a plugin sees of an environment, beside its own settings: the folders that distributions use, and a language
in which figures have points."""

_STATES = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
_OF_A_SHELL = {
    126: "exit status 126: what it wanted to run may not be executed; see its permissions",
    127: "exit status 127: a program that it needs was not found; install it",
}


def _word(given: object) -> object:
    """A text, or the secret that a text with references stands for; figures need no quotes."""
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return str(given)
    return resolve(given) if isinstance(given, str) and "${" in given else given


def _whole(word: str | SecretStr) -> str | SecretStr:
    if "\0" in plain(word):
        raise ValueError("no word of a command can hold a zero byte")
    return word


Word = Annotated[str | SecretStr, BeforeValidator(_word, json_schema_input_type=str), AfterValidator(_whole)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]


def _words(given: object) -> object:
    """The words of a command line, as a shell would split it."""
    if not isinstance(given, str):
        return given
    try:
        return shlex.split(given)
    except ValueError as error:
        raise ValueError(f"the command cannot be split into words: {error}; write it as a list") from None


def _program(words: tuple[str | SecretStr, ...]) -> tuple[str | SecretStr, ...]:
    program = words[0]
    if not isinstance(program, str):
        raise ValueError("the program itself must not be a secret")  # noqa: TRY004 - pydantic collects ValueErrors only
    if not program or ("/" in program and not program.startswith("/")):
        raise ValueError(f"{program!r} is no program; write its whole path, or its name if it is in a usual folder")
    return words


class PluginParams(Params):
    """What to run, and with which environment."""

    command: Annotated[
        tuple[Word, ...],
        BeforeValidator(_words, json_schema_input_type=str | tuple[str, ...]),
        Field(
            min_length=1,
            max_length=100,
            description="program and its arguments; without a shell. ${env:NAME} and ${file:/path} are secrets",
        ),
        AfterValidator(_program),
    ]
    env: Annotated[
        Mapping[Name, Word], Field(max_length=50, description="environment variables; the same references are secrets")
    ] = {}

    @property
    def target(self) -> str:
        """The command, its secrets masked."""
        return shlex.join(word if isinstance(word, str) else str(word) for word in self.command)

    @classmethod
    def of_target(cls, target: str) -> dict[str, object]:
        """The command."""
        return {"command": target}


class Plugin(Probe[PluginParams]):
    """What a monitoring plugin says, of the kind that Nagios and Icinga run."""

    Params = PluginParams
    metrics = (
        Metric("probe_plugin_state", "What the plugin found: 0 ok, 1 warning, 2 critical"),
        Metric("probe_plugin_seconds", "Performance data that is a time", "seconds", "label"),
        Metric("probe_plugin_bytes", "Performance data in bytes", "bytes", "label"),
        Metric("probe_plugin_ratio", "Performance data in per cent, from 0 to 1", "ratio", "label"),
        Metric("probe_plugin_total", "Performance data that is a counter", "", "label"),
        Metric("probe_plugin_value", "Performance data in any other unit", "", "label"),
    )
    reasons: ClassVar[dict[str, str]] = {"critical": "the plugin says CRITICAL"}
    rules = (DefaultRule("plugin-warns", "probe_plugin_state", "is close to trouble, says its plugin", above=0.5),)
    on_demand = False
    concurrency = 20  # each is a process

    def __init__(self, params: PluginParams, engines: Engines) -> None:
        super().__init__(params, engines)
        self._command = tuple(plain(word) for word in params.command)
        self._environment = {**SURROUNDINGS, **{name: plain(word) for name, word in params.env.items()}}
        words = (*params.command, *params.env.values())
        secrets = {word.get_secret_value() for word in words if isinstance(word, SecretStr)} - {""}
        self._secrets = sorted(secrets, key=len, reverse=True)

    async def measure(self, timeout: float) -> Measured:
        """Run the plugin once. It measures for us: what is wrong with it itself says nothing about the target."""
        try:
            ended = await run(self._command, self._environment, timeout)
        except OSError as error:
            raise _not_started(self._command[0], error) from error
        return judge(ended, self._secrets, timeout)


def plain(word: str | SecretStr) -> str:
    """A word as the plugin gets it."""
    return word if isinstance(word, str) else word.get_secret_value()


def judge(ended: Ended, secrets: Sequence[str], timeout: float) -> Measured:
    """What the end of a plugin means. Raises Failed when it says CRITICAL, Unmeasured when it says nothing.

    `secrets` are masked wherever the plugin repeats them.
    """
    output = parse(_masked(ended.output, secrets))
    words = output.words or parse(_masked(ended.errors, secrets)).words
    if ended.status not in (0, 1, 2):
        raise Unmeasured("no_source", _unknown(ended.status, words, timeout))
    samples = (
        Sample("probe_plugin_state", ended.status),
        *(Sample(f"probe_plugin_{value.unit}", value.number, value.label) for value in output.values),
    )
    words = words or f"the plugin says {_STATES[ended.status]}, and nothing more"
    if ended.status == 2:
        raise Failed("critical", words, samples)
    return Measured(words, samples)


def _masked(output: bytes, secrets: Sequence[str]) -> str:
    text = output.decode(errors="replace")
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _unknown(status: int | None, words: str, timeout: float) -> str:
    """Why the plugin could not tell, and what it said itself."""
    if status == 3:
        return f"the plugin could not tell: {words or 'it says UNKNOWN, and nothing more'}"
    said = f"; it said {excerpt(words, 200)}" if words else ""
    if status is None:
        remedy = "give it a shorter timeout of its own, often -t, or the check a longer one"
        return f"the plugin did not end within {timeout:g} s; {remedy}{said}"
    if status < 0:
        return f"the plugin was ended by {_signal(-status)}; run it by hand{said}"
    return f"the plugin ended with {_OF_A_SHELL.get(status, f'exit status {status}; plugins know 0 to 3')}{said}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _not_started(program: str, error: OSError) -> Unmeasured:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            remedy = "install it, or correct `command`; a script needs the interpreter that its first line names"
            return Unmeasured("no_source", f"there is no program {program}: {remedy}")
        case PermissionError():
            remedy = "make it executable for the user of Deskwatch: chmod +x"
            return Unmeasured("no_permission", f"{program} may not be executed; {remedy}")
    words = f"{program} cannot be started: {error.strerror or error}; a script begins with #! and its interpreter"
    return Unmeasured("no_source", words)
