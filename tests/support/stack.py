"""Processes of the product as an operator would start them: sandbox, API and worker on real servers."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import psycopg
import redis
from psycopg import sql

from devtools.ports import free_port
from tests.support.database import Database
from tests.support.process import ROOT, Process
from tests.support.user import Json, User
from tests.support.waiting import eventually

_BASE_SETTINGS = {
    "ENVIRONMENT": "test",
    "GEMINI_API_KEY": "sandbox",
    "GEMINI_MODELS": "gemini-2.5-pro",
    "STRIPE_SECRET_KEY": "sk_test_sandbox",
    "STRIPE_PRO_PRICE_ID": "price_sandbox_pro",
    # Two, as during a rotation of the secret; the sandbox signs with the second.
    "STRIPE_WEBHOOK_SECRET": "whsec_next,whsec_sandbox",
    "OTP_DELIVERY": "response",
    # All tests share one address, and some users send many messages.
    "OTP_PER_IP_HOUR": "1000000",
    "OTP_PER_PREFIX_HOUR": "1000000",
    "OTP_GLOBAL_PER_HOUR": "1000000",
    "IP_REQUESTS_PER_MINUTE": "1000000",
    "BASIC_REQUESTS_PER_MINUTE": "1000000",
    "PRO_REQUESTS_PER_MINUTE": "1000000",
    "METRICS_TOKEN": "metrics-token-of-the-tests",
    # Short enough for tests that kill a worker.
    "REPLY_LEASE_SECONDS": "3",
    "REPLY_POLL_SECONDS": "1",
}


class Stack:
    """The running processes, and methods to start more."""

    def __init__(self, *, database_url: str, redis_url: str, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.redis_url = redis_url
        self.database = Database(create_database(database_url))
        self.settings = {
            **_BASE_SETTINGS,
            "DATABASE_URL": self.database.url,
            "REDIS_URL": redis_url,
            "JWT_SECRET_KEY": secrets.token_hex(32),
            **settings,
        }
        self.processes: list[Process] = []
        self.redis: redis.Redis = redis.Redis.from_url(redis_url, decode_responses=True)
        self.base_url = ""
        self.sandbox_url = ""

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Migrate the database and run a sandbox and an API process for the duration of the block."""
        try:
            self.migrate()
            self.start_sandbox()
            self.base_url = self.start_api()
            yield self
        finally:
            self.stop()

    def migrate(self) -> None:
        """Migrate the database."""
        alembic(self.database.url, "upgrade", "head")

    def start(self, name: str, module: str, *arguments: str, **settings: str) -> Process:
        """Start a process with this stack's settings and further ones."""
        log = self.folder / f"{name}-{len(self.processes)}.log"
        env = {**self.settings, **settings}
        process = Process(name, module, *arguments, env=env, log=log)
        self.processes.append(process)
        return process

    def start_sandbox(self) -> None:
        """Start the sandbox of Gemini and Stripe, without pace by default; later processes use it."""
        port = free_port()
        self.sandbox_url = f"http://127.0.0.1:{port}"
        self.settings["GEMINI_BASE_URL"] = self.settings["STRIPE_API_BASE"] = self.sandbox_url
        quick = {"SANDBOX_FIRST_PIECE_MS": "20", "SANDBOX_PIECE_MS": "2"}
        process = self.start("sandbox", "sandbox", "--port", str(port), **quick)
        _wait_until_up(process, f"{self.sandbox_url}/health")

    def start_api(self, app: str = "app.main:app", **settings: str) -> str:
        """Start an API process, and return its address."""
        port = free_port()
        process = self.start("api", "uvicorn", app, "--port", str(port), **settings)
        _wait_until_up(process, f"http://127.0.0.1:{port}/health/live")
        return f"http://127.0.0.1:{port}"

    def start_worker(self, *options: str, **settings: str) -> Process:
        """Start a worker with the documented command, and wait until it consumes."""
        command = ("-A", "app.celery_app", "worker", "--loglevel=info", "-Q", "ai_processing")
        process = self.start(
            "worker", "celery", *command, "-n", f"{secrets.token_hex(4)}@%h", *options, **settings
        )
        eventually(lambda: _is_running(process) and " ready." in process.log, what="a consuming worker")
        return process

    def user(self, base_url: str | None = None) -> User:
        """Sign up a new user."""
        return User.sign_up(base_url or self.base_url)

    def make_pro(self, user: User) -> None:
        """Store an active subscription for this user."""
        self.database.run(
            # Created in the future, so that no reconciliation checks it: Stripe does not know it.
            "INSERT INTO subscriptions (id, user_id, stripe_subscription_id, status, cancel_at_period_end,"
            " created_at, updated_at)"
            " VALUES (gen_random_uuid(), %s, %s, 'active', false, now() + interval '1 day', now())",
            user.id,
            f"sub_{secrets.token_hex(8)}",
        )

    def calls(self, containing: str) -> list[Json]:
        """Return the calls that the sandbox's Gemini received whose last turn contains a text."""
        answer = httpx.get(f"{self.sandbox_url}/sandbox/calls", params={"contains": containing})
        found: list[Json] = answer.json()
        return found

    def logs(self) -> str:
        """Return the output of all processes of the product, without the sandbox."""
        return "\n".join(process.log for process in self.processes if process.name != "sandbox")

    def stop(self) -> None:
        """Stop all processes, the newest first, and drop the database."""
        for process in reversed(self.processes):
            if process.popen.poll() is None:
                process.kill()
        self.redis.close()
        drop_database(self.database.url)


def alembic(database_url: str, *arguments: str) -> str:
    """Run Alembic as a program, with only the database configured."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini"), *arguments],
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database_url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def create_database(server_url: str) -> str:
    """Create an empty database on this server, and return its address."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return server_url.rpartition("/")[0] + f"/{name}"


def drop_database(url: str) -> None:
    """Drop a database of `create_database`."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _is_running(process: Process) -> bool:
    assert process.popen.poll() is None, f"{process.name} ended:\n{process.log[-4000:]}"
    return True


def _wait_until_up(process: Process, url: str) -> None:
    def answers() -> bool:
        _is_running(process)
        try:
            return httpx.get(url, timeout=2).is_success
        except httpx.TransportError:
            return False

    eventually(answers, what=f"{process.name} at {url}")
