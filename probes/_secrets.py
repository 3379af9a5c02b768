"""Secrets as settings: written as a reference, resolved when the settings are read, masked wherever they are shown."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr, WithJsonSchema

LARGEST_FILE = 64 * 1024
"""The most bytes that a secret file may hold."""

_REFERENCE = re.compile(r"\$\{(?:env:(?P<env>[A-Za-z_][A-Za-z0-9_]*)|file:(?P<file>/[^}]+))\}")
_PATTERN = r"\$\{(env:[A-Za-z_][A-Za-z0-9_]*|file:/[^}]+)\}"
_REMEDY = "use ${env:NAME} or ${file:/path}"


def resolve(given: object) -> SecretStr:
    """The secret that a text with at least one reference stands for; text around the references is kept.

    Raises ValueError, which never repeats the text, when it holds no reference or one that cannot be resolved.
    """
    if isinstance(given, SecretStr):
        return given
    if not isinstance(given, str):
        raise ValueError(f"a secret is a text; {_REMEDY}")  # noqa: TRY004 - pydantic collects ValueErrors only
    rest = _REFERENCE.sub("", given)
    if rest == given:
        raise ValueError(f"secrets do not belong in the file; {_REMEDY}")
    if "${" in rest:
        raise ValueError(f"one of the references is malformed; {_REMEDY}")
    return SecretStr(_REFERENCE.sub(_value, given))


def _value(reference: re.Match[str]) -> str:
    name = reference["env"]
    return _of_environment(name) if name else _of_file(Path(reference["file"]))


def _of_environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        state = "is not set" if value is None else "is empty"
        raise ValueError(f"the environment variable {name} {state}; set it where Deskwatch is started")
    return value


def _of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ValueError(
            f"the secret file {path} cannot be read: {error.strerror}; create it, readable for the user of Deskwatch"
        ) from None
    if len(content) > LARGEST_FILE:
        raise ValueError(f"the secret file {path} is larger than {LARGEST_FILE} bytes; it must hold the secret alone")
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"the secret file {path} is not UTF-8 text; it must hold the secret alone") from None


Secret = Annotated[
    SecretStr,
    BeforeValidator(resolve),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "writeOnly": True}),
]
"""A setting that holds a secret: a text with `${env:NAME}` or `${file:/path}` in it."""


def _in_a_line(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().isprintable():
        raise ValueError("the secret has a line break or another control character in it")
    return secret


LineSecret = Annotated[Secret, AfterValidator(_in_a_line)]
"""A secret that stands in a header line."""
