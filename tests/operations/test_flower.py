"""Flower by the client's command, from a folder like the project's, is safe by default."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from devtools.ports import free_port
from tests.operations.test_settings import _SAFE as SAFE
from tests.support.process import ROOT, Process
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_LOGIN = ("ada", "a:long-password")
_LOGIN_SETTING = {"FLOWER_BASIC_AUTH": ":".join(_LOGIN)}
_DEVELOPMENT = {"DATABASE_URL": "postgresql://localhost:9/app", "REDIS_URL": "redis://localhost:9/0"}
_NO_LOGIN = "FLOWER_BASIC_AUTH is missing: with ENVIRONMENT=production Flower starts with a login only"


@dataclass
class Flowers:
    """Starts Flower in a folder with the project's files that it reads, and the test's own `.env`."""

    folder: Path
    port: int = field(default_factory=free_port)
    started: list[Process] = field(default_factory=list)

    def start(self, *options: str, env: dict[str, str]) -> Process:
        arguments = ("-A", "app.celery_app", "flower", f"--port={self.port}", *options)
        log = self.folder / f"log-{len(self.started)}"
        self.started.append(Process("flower", "celery", *arguments, env=env, log=log))
        return self.started[-1]

    def listening(self, flower: Process) -> str:
        """Return the address that it listens on."""

        def addresses() -> list[str]:
            assert flower.popen.poll() is None, flower.log
            sockets = psutil.Process(flower.popen.pid).net_connections("inet")
            return [each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN]

        eventually(lambda: addresses() != [], what="Flower that listens")
        [address] = addresses()
        return address

    def status(self, flower: Process, login: tuple[str, str] | None = None) -> int:
        """Return the status of its first page."""
        self.listening(flower)
        return httpx.get(f"http://127.0.0.1:{self.port}/workers", auth=login, timeout=30).status_code


@pytest.fixture
def flowers(tmp_path: Path) -> Iterator[Flowers]:
    shutil.copy2(ROOT / "flowerconfig.py", tmp_path)
    made = Flowers(tmp_path)
    yield made
    for process in made.started:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def refusal(flower: Process) -> str:
    """Return the one sentence with which it stops."""
    assert flower.popen.wait(60) not in {0, None}
    assert "Traceback" not in flower.log
    problem: str = json.loads(flower.log.splitlines()[-1])["problem"]
    return problem


def test_the_clients_command_listens_on_this_machine_only(flowers: Flowers) -> None:
    flower = flowers.start(env=_DEVELOPMENT)
    assert flowers.listening(flower) == "127.0.0.1"
    assert flowers.status(flower) == 200


@pytest.mark.parametrize(
    ("options", "env"),
    [(("--address=0.0.0.0",), {}), ((), {"FLOWER_ADDRESS": "0.0.0.0"})],  # noqa: S104 - what is tested
    ids=["option", "variable"],
)
def test_another_address_is_used_if_it_is_set(
    flowers: Flowers, options: tuple[str, ...], env: dict[str, str]
) -> None:
    flower = flowers.start(*options, env=_DEVELOPMENT | env)
    assert flowers.listening(flower) == "0.0.0.0"  # noqa: S104 - what is tested


@pytest.mark.parametrize("empty", [{}, {"FLOWER_BASIC_AUTH": ""}], ids=["not set", "empty"])
def test_production_without_a_login_does_not_start(flowers: Flowers, empty: dict[str, str]) -> None:
    assert refusal(flowers.start(env=SAFE | empty)) == _NO_LOGIN
    assert refusal(flowers.start("--address=0.0.0.0", env=SAFE | empty)) == _NO_LOGIN


def test_production_is_read_from_the_environment_file(flowers: Flowers) -> None:
    (flowers.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in SAFE.items()))
    assert refusal(flowers.start(env={})) == _NO_LOGIN


def test_production_requires_the_login(flowers: Flowers) -> None:
    flower = flowers.start(env=SAFE | _LOGIN_SETTING)
    assert flowers.status(flower) == 401
    assert flowers.status(flower, _LOGIN) == 200
    assert flowers.listening(flower) == "127.0.0.1"


def test_a_login_is_read_from_the_environment_file(flowers: Flowers) -> None:
    (flowers.folder / ".env").write_text(f"FLOWER_BASIC_AUTH={':'.join(_LOGIN)}\n")
    flower = flowers.start(env=SAFE | {"FLOWER_BASIC_AUTH": ""})
    assert flowers.status(flower) == 401
    assert flowers.status(flower, _LOGIN) == 200


def test_a_login_is_read_from_an_option(flowers: Flowers) -> None:
    flower = flowers.start(f"--basic-auth={':'.join(_LOGIN)}", env=SAFE)
    assert flowers.status(flower) == 401
    assert flowers.status(flower, _LOGIN) == 200


def test_an_empty_login_requires_none_in_development(flowers: Flowers) -> None:
    flower = flowers.start(env=_DEVELOPMENT | {"FLOWER_BASIC_AUTH": ""})
    assert flowers.status(flower) == 200


@pytest.mark.parametrize("login", ["visible", "visible:", ":visible", "ada:right,visible"])
def test_a_malformed_login_is_rejected_without_its_value(flowers: Flowers, login: str) -> None:
    flower = flowers.start(env=_DEVELOPMENT | {"FLOWER_BASIC_AUTH": login})
    assert refusal(flower) == "FLOWER_BASIC_AUTH has to be user:password, or several of these with commas"
    assert "visible" not in flower.log


@pytest.mark.parametrize(
    "broker",
    [{"CELERY_BROKER_URL": "redis://localhost:9/0"}, {"REDIS_URL": "redis://localhost:9/0"}],
    ids=["its own", "in Redis"],
)
@pytest.mark.parametrize("environment", ["development", "production"])
def test_flower_needs_only_the_brokers_address_and_a_login(
    flowers: Flowers, broker: dict[str, str], environment: str
) -> None:
    """Red when it reads the service's settings: production would require secrets that it never uses."""
    flower = flowers.start(env=broker | _LOGIN_SETTING | {"ENVIRONMENT": environment})
    assert flowers.status(flower, _LOGIN) == 200
    assert refusal(flowers.start(env=broker | {"ENVIRONMENT": "production"})) == _NO_LOGIN


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        ({}, "CELERY_BROKER_URL is missing, and so is REDIS_URL"),
        ({"CELERY_BROKER_URL": "visible"}, "CELERY_BROKER_URL "),
        ({"CELERY_BROKER_URL": "redis://localhost:9/0", "LOG_LEVEL": "visible"}, "LOG_LEVEL must be one of"),
    ],
)
def test_flowers_settings_are_checked_without_showing_their_values(
    flowers: Flowers, env: dict[str, str], problem: str
) -> None:
    flower = flowers.start(env=env | _LOGIN_SETTING)
    assert problem in refusal(flower)
    assert "visible" not in flower.log


@pytest.mark.parametrize("options", [(), ("-n", "flower")], ids=["worker", "worker called flower"])
def test_a_worker_does_not_start_with_the_brokers_address_alone(
    flowers: Flowers, options: tuple[str, ...]
) -> None:
    env = {"CELERY_BROKER_URL": "redis://localhost:9/0"}
    arguments = ("-A", "app.celery_app", "worker", *options)
    worker = Process("worker", "celery", *arguments, env=env, log=flowers.folder / "worker")
    flowers.started.append(worker)
    assert worker.popen.wait(60) not in {0, None}
    assert "DATABASE_URL is missing" in worker.log
    assert "Traceback" not in worker.log


def test_image_and_compose_start_flower_with_the_same_file() -> None:
    """Without the file in the image, a production without a login would start."""
    assert "COPY flowerconfig.py ./" in (ROOT / "Dockerfile").read_text().splitlines()
    assert "!flowerconfig.py" in (ROOT / ".dockerignore").read_text().splitlines()
    service = (ROOT / "docker-compose.yml").read_text().partition("\n  flower:\n")[2]
    assert "command: [celery, -A, app.celery_app, flower, --address=0.0.0.0]" in service
    assert '- "127.0.0.1:5555:5555"' in service.partition("\n\n")[0]
