"""AWS accepts the files of deploy/ecs as parameters of its API, and they belong together."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.conftest import Validate
from tests.deploy.platforms import DEPLOY, documents, ecs_container
from tests.support.user import Json

FOLDER: Final = DEPLOY / "ecs"
OPERATIONS: Final = {
    "*.task.json": ("ecs", "RegisterTaskDefinition"),
    "*.service.json": ("ecs", "CreateService"),
    "target-group.json": ("elbv2", "CreateTargetGroup"),
    "target-group-attributes.json": ("elbv2", "ModifyTargetGroupAttributes"),
    "load-balancer-attributes.json": ("elbv2", "ModifyLoadBalancerAttributes"),
    "*.scalable-target.json": ("application-autoscaling", "RegisterScalableTarget"),
    "*.scaling-*.json": ("application-autoscaling", "PutScalingPolicy"),
    "*.pending-alarm.json": ("cloudwatch", "PutMetricAlarm"),
}
FILES: Final = [
    (file, operation) for pattern, operation in OPERATIONS.items() for file in sorted(FOLDER.glob(pattern))
]


def _read(name: str) -> Json:
    content: Json = json.loads((FOLDER / name).read_text())
    return content


def _port(role: str) -> int:
    port: int = ecs_container(role)["portMappings"][0]["containerPort"]
    return port


def _attributes(name: str) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in _read(name)["Attributes"]}


@pytest.mark.parametrize(("file", "operation"), FILES, ids=[file.name for file, _ in FILES])
def test_the_file_has_the_form_of_its_operation(
    validate: Validate, file: Path, operation: tuple[str, str]
) -> None:
    assert validate("aws", *operation, file) == ""


def test_each_file_belongs_to_an_operation() -> None:
    assert {file for file, _ in FILES} == set(FOLDER.glob("*.json"))


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('"stopTimeout": 45', '"stopTimeout": "45"', "Invalid type"),
        ('"stopTimeout"', '"stopTimeOut"', "Unknown parameter"),
        ('"FARGATE"', '"FARGET"', "is none of"),
    ],
)
def test_the_validator_finds_mistakes(
    validate: Validate, tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    """Red when the validator accepts everything."""
    (tmp_path / "task.json").write_text((FOLDER / "worker.task.json").read_text().replace(before, after))
    assert complaint in validate("aws", "ecs", "RegisterTaskDefinition", tmp_path / "task.json")


@pytest.mark.parametrize("role", ["api", "worker", "migrate"])
def test_containers_have_no_privileges_and_secrets_come_from_the_store(role: str) -> None:
    container = ecs_container(role)
    assert container["readonlyRootFilesystem"] is True
    assert container["linuxParameters"] == {"capabilities": {"drop": ["ALL"]}}
    assert all(one["valueFrom"].startswith("arn:aws:ssm:") for one in container["secrets"])
    in_clear = {one["name"] for one in container["environment"]}
    secret = {name for name in in_clear if name.endswith(("_KEY", "_SECRET", "_TOKEN", "_URL", "_SID"))}
    assert secret <= {"PUBLIC_URL"}


@pytest.mark.parametrize("role", ["api", "worker"])
def test_services_replace_tasks_without_a_gap(role: str) -> None:
    service = _read(f"{role}.service.json")
    assert service["taskDefinition"] == _read(f"{role}.task.json")["family"]
    assert service["desiredCount"] >= 2
    deployment = service["deploymentConfiguration"]
    assert deployment["minimumHealthyPercent"] == 100
    assert deployment["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}


def test_the_load_balancer_reaches_the_api_and_gives_up_idle_connections_first() -> None:
    """Red when the API closes idle connections before the load balancer does: requests on them are 502."""
    [balancer] = _read("api.service.json")["loadBalancers"]
    container = ecs_container("api")
    assert balancer["containerName"] == container["name"]
    assert balancer["containerPort"] == _port("api")
    group = _read("target-group.json")
    assert (group["HealthCheckPath"], group["Port"]) == ("/health/live", balancer["containerPort"])
    idle = int(_attributes("load-balancer-attributes.json")["idle_timeout.timeout_seconds"])
    assert 75 <= idle < 130  # Prefer: wait=60, and --timeout-keep-alive
    delay = int(_attributes("target-group-attributes.json")["deregistration_delay.timeout_seconds"])
    assert delay < container["stopTimeout"]


def test_workers_are_added_by_cpu_and_by_the_age_of_the_oldest_reply() -> None:
    alarm, steps = _read("worker.pending-alarm.json"), _read("worker.scaling-pending.json")
    assert alarm["MetricName"] == "chat_oldest_pending_reply_seconds"
    assert alarm["AlarmActions"][0].endswith(f"policyName/{steps['PolicyName']}")
    [collector] = documents(FOLDER / "collector.yaml")
    [scraped] = collector["receivers"]["prometheus"]["config"]["scrape_configs"]
    assert scraped["static_configs"] == [{"targets": [f"127.0.0.1:{_port('api')}"]}]
    assert scraped["metric_relabel_configs"][0]["regex"] == alarm["MetricName"]
    exporter = collector["exporters"]["awsemf"]
    assert exporter["namespace"] == alarm["Namespace"]
    assert exporter["metric_declarations"][0]["metric_name_selectors"] == [f"^{alarm['MetricName']}$"]
    targets = {_read(f"worker.{kind}.json")["ResourceId"] for kind in ("scalable-target", "scaling-cpu")}
    assert targets == {steps["ResourceId"]}
    assert _read("worker.scalable-target.json")["MinCapacity"] >= 2
