"""Deskwatch with as few rights as a deployment gives it: a user of its own, a read-only system, one folder for data."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from peers import require
from peers.deployment import ROOT
from peers.netns import Namespace

# Nothing of the machine can be written to but the folder `data` and an empty /tmp. What is needed of it is shown below
# /mnt, for the folders above it may be closed to the user.
_CONFINE = """
set -e
mount -t tmpfs -o mode=0755 tmpfs /mnt
for part in python packages app config data; do mkdir /mnt/$part; done
mount --bind "$PYTHON" /mnt/python
mount --bind "$PACKAGES" /mnt/packages
mount --bind "$APP" /mnt/app
mount --bind "$CONFIG" /mnt/config
mount --bind "$DATA" /mnt/data
for part in python packages app config; do mount -o remount,bind,ro /mnt/$part; done
mount -o remount,bind,ro /mnt
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -o remount,bind,ro /
cd /mnt/data
exec "$@"
"""


@contextmanager
def confined(
    namespace: Namespace, config: Path, data: Path, user: int, capabilities: str, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`deskwatch run` of the file `config`/site.yaml in a network of its own.

    `capabilities` are the only ones that it has and can ever get, as setpriv writes them: "+net_raw", or "" for none.
    """
    data.mkdir()
    os.chown(data, user, user)
    config.chmod(0o755)
    limits = [f"--{kind}={','.join(['-all', *capabilities.split()])}" for kind in _SETS]
    rights = ("--reuid", str(user), "--regid", str(user), "--clear-groups", "--no-new-privs", *limits)
    command = (f"/mnt/python/bin/python{_VERSION}", "-m", "monitor", "run", "/mnt/config/site.yaml")
    places = {"PYTHON": sys.base_prefix, "PACKAGES": sysconfig.get_path("purelib"), "APP": ROOT}
    environment = _environment(places | {"CONFIG": config, "DATA": data})
    confine = ("unshare", "--mount", "--propagation", "private", "env", "-i", *environment, "sh", "-c", _CONFINE, "sh")
    with log.open("wb") as output:
        process = namespace.start(*confine, require.program("setpriv"), *rights, *command, output=output)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


_SETS = ("inh-caps", "ambient-caps", "bounding-set")
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def _environment(places: Mapping[str, object]) -> list[str]:
    variables = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": "/mnt/app:/mnt/packages",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "LD_LIBRARY_PATH": "/mnt/python/lib",
        **places,
    }
    return [f"{name}={value}" for name, value in variables.items()]
