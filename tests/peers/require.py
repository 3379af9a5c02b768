"""What a test needs of the machine: present, or the test skips with the reason; under CI it fails instead."""

import os
import shutil
from typing import NoReturn

import pytest

PLACES = "/usr/sbin:/sbin:/usr/lib/postgresql/15/bin"


def program(name: str) -> str:
    """The path of a Debian program."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{PLACES}")
    if path is None:
        missing(f"{name} is not installed")
    return path


def root() -> None:
    """The rights that raw sockets, mounts and network namespaces need."""
    if os.geteuid() != 0:
        missing("needs root")


def missing(what: str) -> NoReturn:
    """Skip at home, fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI must have it", pytrace=False)
    pytest.skip(what)
