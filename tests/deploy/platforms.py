"""What the files of each platform say, in one form: commands, variables, health paths, times to stop."""

import json
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml  # type: ignore[import-untyped]  # it publishes no types

from tests.support.process import ROOT
from tests.support.user import Json

DEPLOY: Final = ROOT / "deploy"
IMAGE_COMMAND: Final[tuple[str, ...]] = ()
"""No command of its own: the image's."""
Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of process: its command, the names of its variables, and its time to stop."""

    command: Command
    variables: frozenset[str]
    stop_seconds: float = 0
    health_path: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """The three roles of the image on one platform."""

    api: Role
    worker: Role
    migration: Command


def documents(path: Path) -> list[Json]:
    """Return the documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text()))


def names_in(path: Path) -> frozenset[str]:
    """Return the names in an environment file."""
    return frozenset(re.findall(r"^(\w+)=", path.read_text(), re.MULTILINE))


def render() -> Platform:
    """Read deploy/render."""
    services = {one["name"]: one for one in documents(DEPLOY / "render" / "render.yaml")[0]["services"]}

    def role(name: str) -> Role:
        service = services[name]
        return Role(
            command=_words(service.get("dockerCommand")),
            variables=frozenset(one["key"] for one in service["envVars"]),
            stop_seconds=service["maxShutdownDelaySeconds"],
            health_path=service.get("healthCheckPath", ""),
        )

    commands = {services[name]["preDeployCommand"] for name in ("chat-api", "chat-worker")}
    return Platform(role("chat-api"), role("chat-worker"), _words(*commands))


def railway() -> Platform:
    """Read deploy/railway."""
    folder = DEPLOY / "railway"
    shared = names_in(folder / "shared.env.example")
    deploys = {
        name: json.loads((folder / f"{name}.railway.json").read_text())["deploy"]
        for name in ("api", "worker")
    }

    def role(name: str) -> Role:
        deploy = deploys[name]
        return Role(
            command=_words(deploy.get("startCommand")),
            variables=shared,
            stop_seconds=deploy["drainingSeconds"],
            health_path=deploy.get("healthcheckPath", ""),
        )

    commands = {command for deploy in deploys.values() for command in deploy["preDeployCommand"]}
    return Platform(role("api"), role("worker"), _words(*commands))


def fly() -> Platform:
    """Read deploy/fly."""
    written = tomllib.loads((DEPLOY / "fly" / "fly.toml").read_text())
    variables = frozenset(written["env"]) | names_in(DEPLOY / "fly" / "secrets.env.example")
    [check] = written["http_service"]["checks"]
    seconds = float(written["kill_timeout"].removesuffix("s"))

    def role(name: str, path: str) -> Role:
        return Role(_words(written["processes"][name]), variables, seconds, path)

    return Platform(
        role("api", check["path"]),
        role("worker", written["checks"]["worker"]["path"]),
        _words(written["deploy"]["release_command"]),
    )


def ecs_container(role: str) -> Json:
    """Return the first container of a task definition."""
    task = json.loads((DEPLOY / "ecs" / f"{role}.task.json").read_text())
    container: Json = task["containerDefinitions"][0]
    return container


def ecs() -> Platform:
    """Read deploy/ecs."""

    def role(name: str) -> Role:
        container = ecs_container(name)
        given = [*container["environment"], *container["secrets"]]
        return Role(
            command=tuple(container.get("command", ())),
            variables=frozenset(one["name"] for one in given),
            stop_seconds=container["stopTimeout"],
            health_path=_path_in(container["healthCheck"]["command"]),
        )

    return Platform(role("api"), role("worker"), tuple(ecs_container("migrate")["command"]))


def kubernetes_pod(file: str) -> Json:
    """Return the pod's specification in the first document of a manifest."""
    pod: Json = documents(DEPLOY / "kubernetes" / file)[0]["spec"]["template"]["spec"]
    return pod


def kubernetes() -> Platform:
    """Read deploy/kubernetes."""
    settings = DEPLOY / "kubernetes" / "settings"
    [config] = documents(settings / "config.yaml")
    [secret] = documents(settings / "secret.example.yaml")
    variables = frozenset(config["data"]) | frozenset(secret["stringData"])

    def role(file: str) -> Role:
        pod = kubernetes_pod(file)
        [container] = pod["containers"]
        path = container["livenessProbe"]["httpGet"]["path"]
        seconds = pod["terminationGracePeriodSeconds"]
        return Role(tuple(container.get("args", ())), variables, seconds, path)

    [migration] = kubernetes_pod("migrate/job.yaml")["containers"]
    return Platform(role("api.yaml"), role("worker.yaml"), tuple(migration["args"]))


def compose_services() -> dict[str, Json]:
    """Return the services of docker-compose.prod.yml."""
    [written] = documents(ROOT / "docker-compose.prod.yml")
    services: dict[str, Json] = written["services"]
    return services


def compose() -> Platform:
    """Read docker-compose.prod.yml; `.env` has the names of .env.example."""
    services = compose_services()
    given = names_in(ROOT / ".env.example")

    def role(name: str) -> Role:
        service = services[name]
        return Role(
            command=tuple(service.get("command", ())),
            variables=given | service["environment"].keys(),
            stop_seconds=float(service["stop_grace_period"].removesuffix("s")),
            health_path=_path_in(service["healthcheck"]["test"]),
        )

    return Platform(role("api"), role("worker"), tuple(services["migrate"]["command"]))


PLATFORMS: Final = {
    "render": render,
    "railway": railway,
    "fly": fly,
    "ecs": ecs,
    "kubernetes": kubernetes,
    "compose": compose,
}


def _words(*commands: str | None) -> Command:
    [command] = commands
    return tuple(shlex.split(command)) if command else IMAGE_COMMAND


def _path_in(command: list[str]) -> str:
    [path] = re.findall(r"http://127\.0\.0\.1:\d+(/[a-z/]+)", command[-1])
    return str(path)
