"""Kubernetes accepts the manifests, and they name each other."""

from pathlib import Path
from typing import Final

import pytest

from tests.deploy.conftest import Validate
from tests.deploy.platforms import DEPLOY, documents, kubernetes_pod
from tests.support.user import Json

FOLDER: Final = DEPLOY / "kubernetes"
MANIFESTS: Final = sorted(path for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml")
PODS: Final = ("api.yaml", "worker.yaml", "migrate/job.yaml")
VERSIONS: Final = ("1.31", "1.37")
APPLIED_BY_HAND: Final = {"settings/secret.example.yaml", "network-policy.yaml"}


def _objects(kind: str) -> list[Json]:
    found = [one for path in MANIFESTS for one in documents(path)]
    return [one for one in found if one["kind"] == kind]


def _container(file: str) -> Json:
    [container] = kubernetes_pod(file)["containers"]
    return dict(container)


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_have_the_form_of_their_schemas(validate: Validate, version: str) -> None:
    assert validate("kubernetes", version, *MANIFESTS) == ""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: long"),
        ("readOnlyRootFilesystem", "readOnlyRootFileSystem"),
        ("autoscaling/v2\n", "autoscaling/v9\n"),
    ],
)
def test_the_validator_finds_mistakes(validate: Validate, tmp_path: Path, before: str, after: str) -> None:
    """Red when the validator accepts everything."""
    (tmp_path / "api.yaml").write_text((FOLDER / "api.yaml").read_text().replace(before, after))
    assert validate("kubernetes", VERSIONS[0], tmp_path / "api.yaml") != ""


def test_kustomizations_name_what_exists_and_leave_nothing_out() -> None:
    named = set[Path]()
    for file in FOLDER.rglob("kustomization.yaml"):
        [written] = documents(file)
        for entry in (*written.get("resources", ()), *written.get("components", ())):
            path = (file.parent / entry).resolve()
            assert path.is_file() or (path / "kustomization.yaml").is_file(), f"{file}: {entry}"
            named.add(path)
    left_out = {str(path.relative_to(FOLDER)) for path in MANIFESTS if path not in named}
    assert left_out == APPLIED_BY_HAND


def test_the_image_is_named_once() -> None:
    [component] = documents(FOLDER / "image" / "kustomization.yaml")
    [image] = component["images"]
    assert {_container(file)["image"] for file in PODS} == {image["name"]}


@pytest.mark.parametrize("file", PODS)
def test_pods_satisfy_the_restricted_profile(file: str) -> None:
    pod, container = kubernetes_pod(file), _container(file)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [one["mountPath"] for one in container["volumeMounts"]] == ["/tmp"]  # noqa: S108  # in a container
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]
    assert {next(iter(one)) for one in container["envFrom"]} == {"configMapRef", "secretRef"}


def test_ports_and_labels_fit() -> None:
    ports = {file: _container(file)["ports"][0] for file in PODS[:2]}
    [config] = _objects("ConfigMap")
    assert str(ports["api.yaml"]["containerPort"]) == config["data"]["PORT"]
    assert str(ports["worker.yaml"]["containerPort"]) == config["data"]["METRICS_PORT"]
    [service] = _objects("Service")
    [ingress] = _objects("Ingress")
    [deployment] = [one for one in _objects("Deployment") if one["metadata"]["name"] == "chat-api"]
    assert service["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["targetPort"] == ports["api.yaml"]["name"]
    [path] = ingress["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == service["metadata"]["name"]
    assert {one["metadata"].get("namespace", "chat") for one in (service, ingress, deployment)} == {"chat"}


def test_streams_pass_the_ingress_and_endpoints_leave_before_the_process() -> None:
    [ingress] = _objects("Ingress")
    notes = {key.rpartition("/")[2]: value for key, value in ingress["metadata"]["annotations"].items()}
    assert notes["proxy-buffering"] == "off"
    assert int(notes["proxy-read-timeout"]) > 60  # Prefer: wait=60
    pod, container = kubernetes_pod("api.yaml"), _container("api.yaml")
    program, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    graceful = 10  # --timeout-graceful-shutdown
    assert int(seconds) + graceful < pod["terminationGracePeriodSeconds"]


def test_probes_ask_the_process_alone() -> None:
    """Red with /health, which is 503 on all pods while the database is unavailable."""
    probes = [
        container[probe]["httpGet"]
        for container in (_container("api.yaml"), _container("worker.yaml"))
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
        if probe in container
    ]
    assert len(probes) == 5
    assert {one["path"] for one in probes} == {"/health/live"}


def test_scaling_and_disruption_budgets_are_those_of_the_deployments() -> None:
    scalers = {
        one["spec"]["scaleTargetRef"]["name"]: one["spec"] for one in _objects("HorizontalPodAutoscaler")
    }
    budgets = {one["metadata"]["name"]: one["spec"] for one in _objects("PodDisruptionBudget")}
    deployments = {one["metadata"]["name"]: one["spec"] for one in _objects("Deployment")}
    assert scalers.keys() == budgets.keys() == deployments.keys() == {"chat-api", "chat-worker"}
    for name, deployment in deployments.items():
        assert "replicas" not in deployment
        assert budgets[name] == {"maxUnavailable": 1, "selector": deployment["selector"]}
        assert scalers[name]["minReplicas"] >= 2
    metrics = scalers["chat-worker"]["metrics"]
    assert [one["type"] for one in metrics] == ["Resource", "External"]
    assert metrics[1]["external"]["metric"]["name"] == "chat_oldest_pending_reply_seconds"
