"""The command line as a whole; what its commands do is shown by the stories."""

import pytest
from typer.testing import CliRunner

from monitor.cli import cli

COMMANDS = (
    ("init",),
    ("check",),
    ("run",),
    ("demo",),
    ("probe",),
    ("status",),
    ("notify-test",),
    ("incidents", "list"),
    ("incidents", "show"),
    ("incidents", "acknowledge"),
    ("incidents", "action"),
    ("incidents", "attach"),
    ("incidents", "correct"),
    ("incidents", "done"),
    ("incidents", "export"),
    ("incidents", "fixed"),
    ("incidents", "merge"),
    ("incidents", "note"),
    ("incidents", "report"),
    ("incidents", "review"),
    ("links", "revoke"),
    ("links", "renew"),
    ("silence", "add"),
    ("silence", "list"),
    ("silence", "expire"),
    ("audit", "credentials"),
    ("audit", "signoffs"),
    ("audit", "reviews"),
    ("audit", "sign-off"),
    ("report", "availability"),
    ("report", "daily"),
    ("report", "weekly"),
    ("report", "monthly"),
    ("report", "isp"),
    ("report", "list"),
    ("report", "show"),
    ("report", "morning"),
    ("figures", "import"),
    ("figures", "list"),
    *(("user", word) for word in ("add", "list", "disable", "enable", "password", "role", "remove", "totp-reset")),
    ("why",),
    ("simulate",),
    ("import", "prometheus-rules"),
    ("import", "blackbox"),
    ("import", "uptime-kuma"),
    ("import", "gatus"),
    ("oncall", "who"),
    ("oncall", "shifts"),
    ("oncall", "override"),
    ("oncall", "overrides"),
    ("oncall", "remove"),
    ("reference", "schema"),
    ("reference", "kinds"),
    ("reference", "probes"),
    ("reference", "metrics"),
    ("reference", "scrape"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(cli, [*command, "--help"])
    assert shown.exit_code == 0, shown.output
    assert f"Example: deskwatch {' '.join(command)}" in " ".join(shown.output.split())


def test_no_command_is_missing_above() -> None:
    top = {command.name or command.callback.__name__ for command in cli.registered_commands if command.callback}
    groups = {
        (group.name, command.name or command.callback.__name__)
        for group in cli.registered_groups
        if group.typer_instance
        for command in group.typer_instance.registered_commands
        if command.callback
    }
    assert {(name,) for name in top} | groups == set(COMMANDS)
