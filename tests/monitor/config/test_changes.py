"""What a reload changes."""

from pathlib import Path

from monitor.config import Config, load
from monitor.config.changes import diff

SITE = "site: {id: hub, timezone: UTC}\n"


def config(folder: Path, rooms: str) -> Config:
    file = folder / "site.yaml"
    file.write_text(f"{SITE}rooms:\n{rooms}")
    return load(file)


def room(id: str, settings: str = "host: a") -> str:
    return f"  - {{id: {id}, checks: [{{kind: internet.ping, {settings}}}]}}\n"


def test_checks_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    old = config(tmp_path, room("same") + room("gone") + room("other") + room("rule"))
    new = config(
        tmp_path,
        room("new") + room("same") + room("rule", "host: a, rules: {loss: off}") + room("other", "host: b"),
    )
    assert diff(old, new) == (("new/ping",), ("gone/ping",), ("other/ping", "rule/ping"))


def test_the_same_file_changes_nothing(tmp_path: Path) -> None:
    assert diff(config(tmp_path, room("a")), config(tmp_path, room("a"))) == ((), (), ())
