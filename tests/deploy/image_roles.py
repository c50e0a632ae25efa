"""Run every role in a built image: `python -m tests.deploy.image_roles IMAGE -- ENGINE RUN…`, by hand.

`ENGINE RUN…` is `docker run`, or `podman run` with the options that the machine needs. Each container runs as
the image's user with a read-only file system, /tmp in memory and no capabilities, on the host's network.
TEST_DATABASE_URL and TEST_REDIS_URL name the servers; the database is a new one. A message is answered by the
image's API, worker and sandbox; SIGTERM then ends each role. Times are printed.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from devtools.ports import free_port
from tests.support.process import ROOT
from tests.support.stack import create_database, drop_database
from tests.support.user import User
from tests.support.waiting import eventually

_CONFINED = ("--rm", "--network=host", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--pids-limit=1000")
_NO_NEW_PRIVILEGES = "--security-opt=no-new-privileges"
_SECONDS_TO_STOP = 40


class Container:
    """One role in the image, attached to this process, which passes signals on."""

    def __init__(
        self, run: list[str], image: str, settings: dict[str, str], log: Path, *command: str
    ) -> None:
        environment = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
        name = f"role-{log.stem}-{secrets.token_hex(3)}"
        words = [*run, *_CONFINED, _NO_NEW_PRIVILEGES, "--name", name, *environment, image, *command]
        self._log = log
        self._began = time.monotonic()
        with log.open("wb") as output:
            self.process = subprocess.Popen(words, stdout=output, stderr=output, stdin=subprocess.DEVNULL)

    @property
    def output(self) -> str:
        """Return what the container printed."""
        return self._log.read_text(errors="replace")

    def wait_until(self, is_up: Callable[[], bool]) -> None:
        """Wait for the role, and print the time that it took."""

        def probe() -> bool:
            assert self.process.poll() is None, self.output
            return is_up()

        eventually(probe, what=self._log.stem)
        print(f"{self._log.stem}: up after {time.monotonic() - self._began:.1f} s")

    def finish(self) -> str:
        """Wait for a command to end with 0, and return what it printed."""
        assert self.process.wait(120) == 0, self.output
        print(f"{self._log.stem}: ended after {time.monotonic() - self._began:.1f} s")
        return self.output

    def stop(self) -> None:
        """Send SIGTERM, and print the time until the end and the exit code."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(_SECONDS_TO_STOP)
        print(f"{self._log.stem}: stopped after {time.monotonic() - began:.1f} s with {code}")


def main() -> None:
    """Run the roles against a new database."""
    image, separator, *run = sys.argv[1:]
    assert separator == "--", __doc__
    database_url = create_database(os.environ["TEST_DATABASE_URL"])
    try:
        with TemporaryDirectory() as folder:
            _run_roles(image, run, database_url, Path(folder))
    finally:
        drop_database(database_url)


def _run_roles(image: str, run: list[str], database_url: str, folder: Path) -> None:
    sandbox_url = f"http://127.0.0.1:{free_port()}"
    api_url = f"http://127.0.0.1:{free_port()}"
    flower_url = f"http://127.0.0.1:{free_port()}"
    settings = {
        "ENVIRONMENT": "test",
        "OTP_DELIVERY": "response",
        "JWT_SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": database_url,
        "REDIS_URL": os.environ["TEST_REDIS_URL"],
        "GEMINI_API_KEY": "sandbox",
        "GEMINI_BASE_URL": sandbox_url,
        "STRIPE_SECRET_KEY": "sk_test_sandbox",
        "STRIPE_API_BASE": sandbox_url,
        "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
        "STRIPE_PRO_PRICE_ID": "price_sandbox_pro",
        "PORT": api_url.rpartition(":")[2],
    }

    def role(name: str, *command: str) -> Container:
        return Container(run, image, settings, folder / f"{name}.log", *command)

    who = role("user", "sh", "-c", "id -u; touch /srv/x || touch /tmp/x && echo tmp only").finish()
    assert who.startswith("10001"), who
    assert "tmp only" in who, who
    role("migration", "alembic", "upgrade", "head").finish()
    if (ROOT / "app" / "__main__.py").is_file():
        role("command line", "python", "-m", "app", "--help").finish()
    worker_command = "celery -A app.celery_app worker --loglevel=info -Q ai_processing"
    flower_command = f"celery -A app.celery_app flower --port={flower_url.rpartition(':')[2]}"
    port = sandbox_url.rpartition(":")[2]
    sandbox = role("sandbox", "python", "-m", "sandbox", "--host", "127.0.0.1", "--port", port)
    running = [sandbox]
    try:
        sandbox.wait_until(lambda: _is_up(f"{sandbox_url}/health"))
        running.append(api := role("api"))
        api.wait_until(lambda: _is_up(f"{api_url}/health/live"))
        running.append(worker := role("worker", *worker_command.split()))
        worker.wait_until(lambda: " ready." in worker.output or '"worker_started"' in worker.output)
        running.append(flower := role("flower", *flower_command.split()))
        flower.wait_until(lambda: _is_up(f"{flower_url}/healthcheck"))
        user = User.sign_up(api_url)
        print("message:", user.say(user.open_room(), "Hello")["reply"]["status"])
        print("health:", httpx.get(f"{api_url}/health").json()["status"])
    finally:
        for container in reversed(running):
            container.stop()


def _is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
