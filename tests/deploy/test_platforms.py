"""Every platform runs the same two processes with every required setting, a migration, and time to stop."""

import json
import re
import signal
import subprocess
import sys

import pytest

from app.config import Settings
from app.config.checks import REQUIRED_IN_PRODUCTION
from devtools.ports import free_port
from tests.deploy.platforms import DEPLOY, IMAGE_COMMAND, PLATFORMS, Command, Platform, names_in
from tests.support.process import ROOT
from tests.support.stack import Stack
from tests.support.user import User, client
from tests.support.waiting import eventually

WORKER = "celery -A app.celery_app worker --loglevel=info -Q ai_processing"
API = (
    "uvicorn app.main:app --host 0.0.0.0 --port {port} --timeout-graceful-shutdown 10"
    " --timeout-keep-alive 130 --no-server-header --ws none"
)
LEAST_SECONDS_TO_STOP = 40
# What production refuses to start without, and what it is wrong without.
NEEDED = {
    *(name.upper() for name in REQUIRED_IN_PRODUCTION),
    "DATABASE_URL",
    "REDIS_URL",
    "ENVIRONMENT",
    "PUBLIC_URL",
    "TRUSTED_PROXIES",
    "OTP_DELIVERY",
    "OTP_ALLOWED_COUNTRIES",
    "METRICS_TOKEN",
}
# Read by the image's command, by docker-compose or by Flower.
OF_THE_IMAGE = {"PORT", "POSTGRES_PASSWORD", "FLOWER_BASIC_AUTH"}
SETTINGS = {name.upper() for name in Settings.model_fields} | {"REPLY_MAX_LOSSES"}  # its former name


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> Platform:
    """Return each platform in turn."""
    return PLATFORMS[request.param]()


def _image_command() -> str:
    [written] = re.findall(r"^CMD (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    shell, option, script = json.loads(written)
    assert (shell, option) == ("sh", "-c")
    return str(script)


def test_the_api_runs_the_images_command(platform: Platform) -> None:
    assert platform.api.command in {IMAGE_COMMAND, tuple(API.format(port=8000).split())}


def test_the_images_command_is_that_of_all_platforms() -> None:
    assert _image_command() == f"exec {API}".format(port='"${PORT:-8000}"')


def test_the_worker_and_the_migration_run_the_documented_commands(platform: Platform) -> None:
    assert platform.worker.command == tuple(WORKER.split())
    assert platform.migration == ("alembic", "upgrade", "head")


def test_each_process_has_time_to_stop(platform: Platform) -> None:
    """25 s to continue replies, 10 s to release the others, and a reserve."""
    assert platform.worker.stop_seconds >= LEAST_SECONDS_TO_STOP
    assert platform.api.stop_seconds >= LEAST_SECONDS_TO_STOP


def test_health_is_asked_of_the_process_alone(platform: Platform) -> None:
    """/health answers for the database: it would take all API processes out at the same time."""
    assert platform.api.health_path == "/health/live"
    assert platform.worker.health_path in {"/health/live", ""}


def test_every_variable_is_a_setting(platform: Platform) -> None:
    for role in (platform.api, platform.worker):
        assert role.variables <= SETTINGS | OF_THE_IMAGE


def test_every_required_setting_is_named_for_both_processes(platform: Platform) -> None:
    twilio = {"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"}
    for role in (platform.api, platform.worker):
        assert role.variables >= NEEDED | twilio
    assert "METRICS_PORT" in platform.worker.variables


def test_every_starred_setting_of_the_reference_is_needed_here() -> None:
    """Red when a setting becomes required in production and deploy/ does not name it."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    starred = set(re.findall(r"^\| `(\w+)` \|[^|]*\| ★", page, re.MULTILINE))
    assert starred <= NEEDED
    assert len(starred) >= len(REQUIRED_IN_PRODUCTION) + 2


def test_no_secret_is_written_down() -> None:
    """Keys are empty, a reference, or asked for."""
    for path in (DEPLOY / "railway" / "shared.env.example", DEPLOY / "fly" / "secrets.env.example"):
        values = dict(re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE))
        assert values.keys() == names_in(path)
        written = {name for name, value in values.items() if value and not value.startswith("${{")}
        assert written <= {"ENVIRONMENT", "TRUSTED_PROXIES", "OTP_DELIVERY", "METRICS_PORT"}


def _run(command: Command, stack: Stack, log: str) -> subprocess.Popen[bytes]:
    """Start a command of an image's PATH with this Python."""
    program, *arguments = command
    with (stack.folder / log).open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", program, *arguments],
            cwd=stack.folder,
            env={**stack.settings, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=output,
        )


def test_the_commands_answer_a_message_and_stop_in_time(own_stack: Stack) -> None:
    port = free_port()
    command = tuple(API.format(port=port).split())
    processes = [
        _run(command, own_stack, "platform-api.log"),
        _run(tuple(WORKER.split()), own_stack, "platform-worker.log"),
    ]
    base_url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: "startup complete" in _log(own_stack, "platform-api.log"), what="the API")
        user = User.sign_up(base_url)
        assert user.say(user.open_room(), "Hello")["reply"]["status"] == "completed"
        with client(base_url) as anyone:
            assert anyone.get("/health").json()["status"] == "healthy"
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(LEAST_SECONDS_TO_STOP) for process in processes]
    assert codes[0] in {0, -signal.SIGTERM}
    assert codes[1] == 0


def _log(stack: Stack, name: str) -> str:
    return (stack.folder / name).read_text()
