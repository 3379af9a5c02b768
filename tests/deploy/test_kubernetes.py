"""kubernetes.yaml, held against the schemas of Kubernetes and against what Deskwatch needs."""

from pathlib import Path
from typing import Any

import pytest
from kubernetes_validate import latest_version, validate
from peers.deployment import image_user, kubernetes

from monitor.config import load
from monitor.config.model import Server
from monitor.web.guard import is_our_host

NOT_OF_KUBERNETES = {"ServiceMonitor"}
"""Kinds that the Prometheus operator brings; there is no schema of them here."""


@pytest.fixture
def pod() -> dict[str, Any]:
    spec: dict[str, Any] = kubernetes()["Deployment"]["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    found: dict[str, Any] = only
    return found


@pytest.mark.parametrize("kind", sorted(kubernetes().keys() - NOT_OF_KUBERNETES))
def test_every_document_keeps_to_its_schema(kind: str) -> None:
    validate(kubernetes()[kind], latest_version(), strict=True)


def test_there_is_never_more_than_one_deskwatch() -> None:
    spec = kubernetes()["Deployment"]["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_the_pod_has_the_user_of_the_image_and_no_rights(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == image_user()
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_probes_ask_what_deskwatch_answers_by_an_address(container: dict[str, Any]) -> None:
    asked = [container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert asked == ["/-/healthy", "/-/healthy", "/-/ready"]
    assert is_our_host("10.244.1.17", Server(host="0.0.0.0"))


def test_everything_that_is_mounted_is_declared(pod: dict[str, Any], container: dict[str, Any]) -> None:
    documents = kubernetes()
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes.keys() == {mount["name"] for mount in container["volumeMounts"]}
    assert volumes["config"]["configMap"]["name"] == documents["ConfigMap"]["metadata"]["name"]
    assert (
        volumes["data"]["persistentVolumeClaim"]["claimName"]
        == (documents["PersistentVolumeClaim"]["metadata"]["name"])
    )


def test_service_policy_and_monitor_look_for_the_labels_that_there_are() -> None:
    documents = kubernetes()
    labels = documents["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert documents["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert documents["Service"]["spec"]["selector"] == labels
    assert documents["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert documents["ServiceMonitor"]["spec"]["selector"]["matchLabels"] == documents["Service"]["metadata"]["labels"]
    (endpoint,) = documents["ServiceMonitor"]["spec"]["endpoints"]
    assert endpoint["port"] == documents["Service"]["spec"]["ports"][0]["name"]


def test_the_configuration_in_it_is_right_and_its_state_is_on_the_volume(
    tmp_path: Path, container: dict[str, Any]
) -> None:
    token, site = tmp_path / "token", tmp_path / "site.yaml"
    token.write_text("0123456789abcdef\n")
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    text = kubernetes()["ConfigMap"]["data"]["site.yaml"]
    assert f"{mounts['secrets']}/token" in text
    site.write_text(text.replace(f"{mounts['secrets']}/token", str(token)))
    config = load(site)
    assert config.server.port == container["ports"][0]["containerPort"]
    assert config.storage.url.get_secret_value() == f"sqlite:///{mounts['data']}/deskwatch.db"
