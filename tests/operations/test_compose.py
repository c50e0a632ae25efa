"""Compose's containers have no privileges, no secrets that they do not use, and bounded memory."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest
import yaml  # type: ignore[import-untyped]  # it publishes no types

from tests.support.process import ROOT
from tests.support.user import Json

COMPOSE: Final[Json] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: Final[dict[str, Json]] = COMPOSE["services"]
_OF_IMAGES = {
    "db": {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"},
    "redis": {"CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"},
}


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_has_more_rights_than_its_image_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", ())) == _OF_IMAGES.get(name, set())
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]  # noqa: S108  # inside a container
    assert "privileged" not in service
    assert "network_mode" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_bounds(name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])
    assert 0 < SERVICES[name]["pids_limit"] <= 1000


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


def test_flower_gets_the_brokers_address_and_no_secret_of_the_service() -> None:
    given = SERVICES["flower"]["environment"]
    assert given["CELERY_BROKER_URL"] == "${CELERY_BROKER_URL:-redis://redis:6379/0}"
    allowed = {"CELERY_BROKER_URL", "REDIS_CONNECT_SECONDS", "ENVIRONMENT", "FLOWER_BASIC_AUTH"}
    assert given.keys() <= allowed | {"LOG_LEVEL", "LOG_FORMAT"}
    assert "env_file" not in SERVICES["flower"]


def test_only_the_api_and_the_worker_get_the_services_secrets() -> None:
    secret = re.compile("KEY|SECRET|TOKEN")
    holders = {
        name for name, service in SERVICES.items() if any(map(secret.search, service.get("environment", ())))
    }
    assert holders == {"api", "worker"}


def test_redis_is_bounded_and_evicts_nothing() -> None:
    command = SERVICES["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--maxmemory-policy"] == "noeviction"
    megabytes = int(options["--maxmemory"].removesuffix("mb"))
    limit = SERVICES["redis"]["mem_limit"]
    assert limit.endswith("g")
    assert 2 * megabytes <= int(limit[:-1]) * 1024


def test_each_image_can_be_pinned_by_digest() -> None:
    named = {service["image"] for service in SERVICES.values()}
    assert named == {"ai-chat-backend", "${POSTGRES_IMAGE:-postgres:18}", "${REDIS_IMAGE:-redis:7}"}
    dockerfile = (ROOT / "Dockerfile").read_text()
    [default] = re.findall(r"^ARG PYTHON_IMAGE=(.+)$", dockerfile, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    built = [service["build"]["args"] for service in SERVICES.values() if "build" in service]
    assert {args["PYTHON_IMAGE"] for args in built} == {f"${{PYTHON_IMAGE:-{default}}}"}


@pytest.mark.parametrize(
    "module", ["app.main", "app.celery_app", "sandbox.__main__"], ids=["api", "worker", "sandbox"]
)
def test_the_program_writes_nothing_into_its_own_folder(tmp_path: Path, module: str) -> None:
    """A container's file system is read-only: red when an import writes a file."""
    folder = tmp_path / "srv"
    folder.mkdir(mode=0o555)
    subprocess.run(
        [str(ROOT / ".venv" / "bin" / "python"), "-c", f"import {module}"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DATABASE_URL": "postgresql://localhost:9/app",
            "REDIS_URL": "redis://localhost:9/0",
            "HOME": "/nonexistent",
        },
        check=True,
        timeout=60,
    )
    assert list(folder.iterdir()) == []
