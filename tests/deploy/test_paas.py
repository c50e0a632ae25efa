"""The files for Render, Railway and Fly.io have the fields that these document.

Their schemas are in no package registry. Each test names the documented fields that the files use.
"""

import json
import re
import tomllib
from typing import Final

import pytest

from tests.deploy.platforms import DEPLOY, documents
from tests.support.user import Json

[RENDER] = documents(DEPLOY / "render" / "render.yaml")
FLY: Final[Json] = tomllib.loads((DEPLOY / "fly" / "fly.toml").read_text())
RENDER_COMMON: Final = {"type", "name", "plan"}
RENDER_DOCKER: Final = RENDER_COMMON | {
    *("runtime", "dockerfilePath", "dockerContext", "dockerCommand", "preDeployCommand", "healthCheckPath"),
    *("maxShutdownDelaySeconds", "scaling", "envVars"),
}
RAILWAY_DEPLOY: Final = {
    "preDeployCommand": list,
    "startCommand": str,
    "healthcheckPath": str,
    "healthcheckTimeout": int,
    "restartPolicyType": str,
    "numReplicas": int,
    "overlapSeconds": int,  # numbers, though the reference shows texts: Railway refuses those
    "drainingSeconds": int,
}


def _render(name: str) -> Json:
    [found] = [one for one in RENDER["services"] if one["name"] == name]
    return dict(found)


def test_render_has_two_services_of_the_image_a_database_and_a_key_value_store() -> None:
    assert RENDER.keys() == {"services", "databases"}
    assert {one["name"]: one["type"] for one in RENDER["services"]} == {
        "chat-api": "web",
        "chat-worker": "worker",
        "chat-redis": "keyvalue",
    }
    for name in ("chat-api", "chat-worker"):
        service = _render(name)
        assert service.keys() <= RENDER_DOCKER
        assert service["runtime"] == "docker"
        assert 40 <= service["maxShutdownDelaySeconds"] <= 300
        assert service["scaling"].keys() == {"minInstances", "maxInstances", "targetCPUPercent"}
        assert 2 <= service["scaling"]["minInstances"] < service["scaling"]["maxInstances"]
    assert "healthCheckPath" not in _render("chat-worker")  # for web services only


def test_renders_key_value_store_evicts_nothing_and_is_private() -> None:
    store = _render("chat-redis")
    assert store.keys() == RENDER_COMMON | {"maxmemoryPolicy", "ipAllowList"}
    assert (store["maxmemoryPolicy"], store["ipAllowList"]) == ("noeviction", [])
    [database] = RENDER["databases"]
    assert database.keys() == {
        *("name", "plan", "postgresMajorVersion", "databaseName", "user", "ipAllowList"),
    }
    assert database["ipAllowList"] == []
    assert int(database["postgresMajorVersion"]) >= 15


def test_renders_variables_are_values_references_or_asked_for() -> None:
    for name in ("chat-api", "chat-worker"):
        for variable in _render(name)["envVars"]:
            [(kind, value)] = [(key, value) for key, value in variable.items() if key != "key"]
            match kind:
                case "fromDatabase":
                    assert value == {"name": "chat-db", "property": "connectionString"}
                case "fromService" if value["type"] == "keyvalue":
                    assert value["name"] == "chat-redis"
                case "fromService":
                    assert value == {"type": "web", "name": "chat-api", "envVarKey": variable["key"]}
                case "sync" | "generateValue":
                    assert value is (kind == "generateValue")
                case _:
                    assert kind == "value"
                    assert isinstance(value, str)


@pytest.mark.parametrize("role", ["api", "worker"])
def test_railways_fields_have_the_documented_names_and_types(role: str) -> None:
    written = json.loads((DEPLOY / "railway" / f"{role}.railway.json").read_text())
    assert written.keys() == {"$schema", "build", "deploy"}
    assert written["build"] == {"builder": "DOCKERFILE", "dockerfilePath": "Dockerfile"}
    for name, value in written["deploy"].items():
        assert type(value) is RAILWAY_DEPLOY[name], name
    assert written["deploy"]["restartPolicyType"] in {"ON_FAILURE", "ALWAYS", "NEVER"}
    assert ("healthcheckPath" in written["deploy"]) == (role == "api")  # a worker has no public port


def test_flys_sections_have_the_documented_fields() -> None:
    assert FLY.keys() == {
        *("app", "primary_region", "kill_signal", "kill_timeout"),
        *("build", "deploy", "processes", "env", "http_service", "restart", "checks", "vm"),
    }
    assert FLY["kill_signal"] == "SIGTERM"  # its default is SIGINT
    assert FLY["deploy"].keys() == {
        *("release_command", "release_command_timeout", "strategy", "max_unavailable"),
    }
    assert all(isinstance(value, str) for value in FLY["env"].values())
    assert not [name for name in FLY["env"] if name.startswith("FLY_")]
    assert {name for vm in FLY["vm"] for name in vm["processes"]} == FLY["processes"].keys()
    assert FLY["restart"] == [{"policy": "always"}]


def test_flys_proxy_serves_the_api_and_stops_no_worker() -> None:
    service = FLY["http_service"]
    assert service.keys() == {
        *("processes", "internal_port", "force_https", "concurrency", "checks"),
        *("auto_stop_machines", "auto_start_machines", "min_machines_running"),
    }
    assert service["processes"] == ["api"]
    assert f"--port {service['internal_port']} " in FLY["processes"]["api"]
    assert service["concurrency"]["type"] == "requests"
    assert service["concurrency"]["soft_limit"] < service["concurrency"]["hard_limit"]
    assert service["min_machines_running"] >= 2
    assert FLY["checks"]["worker"]["processes"] == ["worker"]
    assert str(FLY["checks"]["worker"]["port"]) == FLY["env"]["METRICS_PORT"]
    times = re.findall(r'(\w+) = "(\w+)"', (DEPLOY / "fly" / "fly.toml").read_text())
    spans = [
        value for name, value in times if name in {"interval", "timeout", "grace_period", "kill_timeout"}
    ]
    assert len(spans) == 7
    assert all(re.fullmatch(r"\d+s", span) for span in spans)
