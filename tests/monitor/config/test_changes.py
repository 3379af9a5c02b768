"""What a reload changes."""

from dataclasses import replace
from datetime import time
from pathlib import Path

from monitor.config import Config, load
from monitor.config.changes import diff
from monitor.config.model import Drill

SITE = "site: {id: hub, timezone: UTC}\n"


def config(folder: Path, rooms: str) -> Config:
    file = folder / "site.yaml"
    file.write_text(f"{SITE}rooms:\n{rooms}")
    return load(file)


def room(id: str, settings: str = "host: a") -> str:
    return f"  - {{id: {id}, checks: [{{kind: internet.ping, {settings}}}]}}\n"


def test_everything_is_told_apart_by_its_name(tmp_path: Path) -> None:
    old = config(tmp_path, room("same") + room("gone") + room("other") + room("rule"))
    new = config(
        tmp_path,
        room("new") + room("same") + room("rule", "host: a, rules: {loss: off}") + room("other", "host: b"),
    )
    found = diff(old, new)
    assert found["assets"] == (("new",), ("gone",), ())
    assert found["checks"] == (("new/ping",), ("gone/ping",), ("other/ping",))
    assert "rule/ping loss" in found["rules"].removed + found["rules"].changed
    assert set(found) == {"assets", "checks", "rules"}


def test_what_there_is_only_one_of_is_told_by_its_section(tmp_path: Path) -> None:
    old = config(tmp_path, room("a"))
    new = replace(old, server=replace(old.server, port=1), drill=Drill(0, time(9)))
    assert diff(old, new) == {"settings": (("drill",), (), ("server",))}
    assert diff(new, old) == {"settings": ((), ("drill",), ("server",))}


def test_the_same_file_changes_nothing(tmp_path: Path) -> None:
    assert diff(config(tmp_path, room("a")), config(tmp_path, room("a"))) == {}
