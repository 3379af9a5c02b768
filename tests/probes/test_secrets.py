"""Secrets come from the environment or a file, and are shown nowhere."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from probes import Params
from probes._secrets import LARGEST_FILE, Secret


class Settings(Params):
    key: Secret


def problem(given: object) -> str:
    with pytest.raises(ValidationError) as raised:
        Settings.model_validate({"key": given})
    return str(raised.value)


def secret(given: str) -> str:
    return Settings.model_validate({"key": given}).key.get_secret_value()


def test_a_reference_to_the_environment_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIN", "1234")
    assert secret("${env:PIN}") == "1234"


def test_a_reference_to_a_file_is_resolved_without_its_last_line_end(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"one\ntwo\n\n")
    assert secret(f"${{file:{file}}}") == "one\ntwo\n"


def test_text_around_several_references_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("USER_NAME", "ada")
    (tmp_path / "password").write_text("s3cret")
    assert secret(f"tgram://${{env:USER_NAME}}:${{file:{tmp_path}/password}}@host") == "tgram://ada:s3cret@host"


def test_a_resolved_value_is_not_resolved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD", "${env:HOME}")
    settings = Settings.model_validate({"key": "${env:ODD}"})
    assert settings.key.get_secret_value() == "${env:HOME}"
    assert Settings.model_validate({"key": settings.key}) == settings


@pytest.mark.parametrize("literal", ["hunter2", "", "$env:hunter2", "${hunter2}", "${env:hunter2 }", "${file:hunter2}"])
def test_a_literal_secret_is_refused_and_not_repeated(literal: str) -> None:
    message = problem(literal)
    assert "secrets do not belong in the file; use ${env:NAME} or ${file:/path}" in message
    assert "hunter2" not in message


def test_a_malformed_reference_beside_a_good_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIN", "1234")
    message = problem("${env:PIN}${env:hunter-2}")
    assert "malformed" in message
    assert "hunter" not in message


def test_what_is_no_text_is_refused_and_not_repeated() -> None:
    message = problem(80085)
    assert "a secret is a text" in message
    assert "80085" not in message


@pytest.mark.parametrize(("value", "state"), [(None, "is not set"), ("", "is empty")])
def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None, state: str) -> None:
    monkeypatch.delenv("PIN", raising=False)
    if value is not None:
        monkeypatch.setenv("PIN", value)
    assert f"the environment variable PIN {state}" in problem("${env:PIN}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert f"the secret file {tmp_path}/none cannot be read: No such file" in problem(f"${{file:{tmp_path}/none}}")


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    assert "cannot be read" in problem(f"${{file:{tmp_path}}}")


@pytest.mark.parametrize("content", [b"x" * (LARGEST_FILE + 1), b"\xff\xfe"])
def test_a_file_that_cannot_be_a_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "blob"
    file.write_bytes(content)
    assert "it must hold the secret alone" in problem(f"${{file:{file}}}")


def test_a_secret_is_masked_wherever_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIN", "1234")
    settings = Settings.model_validate({"key": "${env:PIN}"})
    shown = [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump()), f"{settings.key}"]
    assert not any("1234" in text for text in shown)


def test_the_schema_asks_editors_for_a_reference() -> None:
    field = Settings.model_json_schema()["properties"]["key"]
    assert (field["type"], field["writeOnly"]) == ("string", True)
    assert "env:" in field["pattern"]
    assert "SecretStr" not in json.dumps(field)
