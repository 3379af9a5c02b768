"""Deskwatch with the rights that its deployments give it, and no more: it measures, answers and keeps its state."""

import errno
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from peers.confined import confined
from peers.deployment import image_health, image_user, kubernetes, unit_settings
from peers.netns import Namespace, namespaces
from stories.conftest import until

NET_RAW = 1 << 13
NO_CAPABILITY = 0
PING_IS_UP = re.compile(r'^probe_success\{.*kind="internet\.ping".*\} 1', re.MULTILINE)

SITE = """
site: {id: harbour, timezone: Europe/Lisbon}
server: {listen: "LISTEN", token: "${file:/mnt/config/token}"}
storage: {url: "sqlite:////mnt/data/deskwatch.db"}
uplinks:
  - id: line-a
    checks: [{kind: internet.ping, host: 127.0.0.1, interval: 1s, timeout: 500ms, count: 1}]
"""


class Service(NamedTuple):
    """A running Deskwatch, and where to look at it from."""

    process: subprocess.Popen[bytes]
    namespace: Namespace
    data: Path
    log: Path

    def status(self, field: str) -> str:
        """A line of the kernel's word on the process."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"^{field}:\t(.*)$", text, re.MULTILINE)
        assert found, field
        return found[1]

    def capabilities(self) -> set[int]:
        """All that it has, and all that it could ever get."""
        return {int(self.status(f"Cap{which}"), 16) for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")}

    def get(self, path: str) -> tuple[int, str]:
        """What it answers to a program with the token; 0 while nobody answers."""

        async def asked() -> tuple[int, str]:
            try:
                async with (
                    aiohttp.ClientSession(headers={"Authorization": "Bearer 0123456789abcdef"}) as client,
                    client.get(f"http://127.0.0.1:8470{path}") as answer,
                ):
                    return answer.status, await answer.text()
            except aiohttp.ClientError:
                return 0, ""

        return self.namespace.run(asked)

    async def ping_is_up(self) -> bool:
        if self.process.poll() is not None:
            pytest.fail(f"deskwatch ended with {self.process.returncode}:\n{self.log.read_text()}")
        return PING_IS_UP.search(self.get("/metrics")[1]) is not None

    async def is_ready(self) -> bool:
        return self.get("/-/ready") == (200, "Deskwatch is ready.\n")

    async def is_healthy(self) -> bool:
        """What the image's own command says."""
        _, *arguments = image_health()
        return self.namespace.start(sys.executable, *arguments).wait(60) == 0


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with namespaces() as (one,):
        yield one


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "token").write_text("0123456789abcdef\n")
    return folder


async def test_the_rights_of_the_unit_are_enough(namespace: Namespace, config: Path, tmp_path: Path) -> None:
    unit = unit_settings()
    capabilities = f"+{unit['AmbientCapabilities'].removeprefix('CAP_').lower()}"
    (config / "site.yaml").write_text(SITE.replace("LISTEN", "127.0.0.1:8470"))
    data, log = tmp_path / "data", tmp_path / "log"
    with confined(namespace, config, data, 10001, capabilities, log) as process:
        service = Service(process, namespace, data, log)
        await until(service.ping_is_up, "an echo of 127.0.0.1", every=0.2)
        assert service.capabilities() == {NET_RAW}
        await works_in_its_folder_alone(service, 10001)


async def test_the_rights_of_a_container_are_enough(namespace: Namespace, config: Path, tmp_path: Path) -> None:
    pod = kubernetes()["Deployment"]["spec"]["template"]["spec"]
    for setting in pod["securityContext"]["sysctls"]:
        namespace.sysctl(setting["name"].replace(".", "/"), setting["value"])
    (config / "site.yaml").write_text(SITE.replace('"LISTEN"', '"0.0.0.0:8470", insecure: true'))
    data, log = tmp_path / "data", tmp_path / "log"
    with confined(namespace, config, data, image_user(), "", log) as process:
        service = Service(process, namespace, data, log)
        await until(service.ping_is_up, "an echo of 127.0.0.1", every=0.2)
        assert service.capabilities() == {NO_CAPABILITY}
        await until(service.is_healthy, "the image's own command to say that it is well", every=0.5)
        await works_in_its_folder_alone(service, image_user())
        assert not await service.is_healthy()


async def works_in_its_folder_alone(service: Service, user: int) -> None:
    await until(service.is_ready, "the service to be ready", every=0.5)
    assert set(service.status("Uid").split()) == {str(user)}
    assert service.status("NoNewPrivs") == "1"
    assert (service.data / "deskwatch.db").stat().st_uid == user
    with pytest.raises(OSError) as refused:
        Path(f"/proc/{service.process.pid}/root/deskwatch-was-here").touch()
    assert refused.value.errno == errno.EROFS
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(60) == 0
    assert "Stopped." in service.log.read_text()
