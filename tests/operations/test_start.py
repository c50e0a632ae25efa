"""Start on a database that is empty, older, newer or unreachable, and without any secret."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from app.config import START_FAILURE
from tests.conftest import Servers
from tests.support.process import ROOT, Process
from tests.support.relay import Relay
from tests.support.stack import Stack, alembic
from tests.support.user import client, ok, some_number
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_MIGRATION_LOCK = 7_126_330_001  # alembic/env.py
_WORKER = ("-A", "app.celery_app", "worker", "-Q", "ai_processing")


@pytest.fixture
def empty(servers: Servers, tmp_path: Path) -> Iterator[Stack]:
    """Create a stack on a database without tables, and start no process."""
    stack = Stack(database_url=servers.database_url, redis_url=servers.redis_url, folder=tmp_path)
    stack.settings["CELERY_BROKER_URL"] = servers.redis_url.rpartition("/")[0] + "/9"
    yield stack
    stack.stop()


def _api(stack: Stack, **settings: str) -> Process:
    return stack.start("api", "uvicorn", "app.main:app", "--port", "0", **settings)


def _worker(stack: Stack, *options: str, **settings: str) -> Process:
    return stack.start("worker", "celery", *_WORKER, *options, **settings)


def _refusal(process: Process) -> str:
    """Return the sentence with which a process stopped."""
    assert process.popen.wait(60) in (1, START_FAILURE), process.log
    assert "Traceback" not in process.log
    # Polls of a worker may have met the missing tables before.
    lines = [json.loads(line) for line in process.log.splitlines()]
    [sentence] = [str(line["problem"]) for line in lines if line["event"] == "start_refused"]
    assert "alembic upgrade head" in sentence
    return sentence


def test_api_and_worker_reject_a_database_without_tables(empty: Stack) -> None:
    """Red without the check: every request is 500, and the worker prints tracebacks."""
    for process in (_api(empty), _worker(empty), _worker(empty, "--pool=solo")):
        assert "no tables" in _refusal(process)
        assert " ready." not in process.log


def test_several_processes_of_uvicorn_stop_together(empty: Stack) -> None:
    """Red with another exit code: uvicorn restarts the process endlessly."""
    missing = {"JWT_SECRET_KEY": "", "ENVIRONMENT": "production"}
    for settings, reason in (({}, "no tables"), (missing, "JWT_SECRET_KEY is missing")):
        process = empty.start("api", "uvicorn", "app.main:app", "--port", "0", "--workers", "2", **settings)
        process.popen.wait(60)
        assert 1 <= process.log.count(reason) <= 2


def test_api_and_worker_reject_an_older_database_and_accept_a_newer_one(empty: Stack) -> None:
    alembic(empty.database.url, "upgrade", "head")
    alembic(empty.database.url, "downgrade", "-1")
    older = str(empty.database.value("SELECT version_num FROM alembic_version"))
    for process in (_api(empty), _worker(empty)):
        assert older in _refusal(process)
    alembic(empty.database.url, "upgrade", "head")
    empty.database.run("UPDATE alembic_version SET version_num = 'of_a_later_version'")
    for migrates in ("true", "false"):
        with client(empty.start_api(MIGRATE_ON_START=migrates)) as anyone:
            assert ok(anyone.get("/health"))["checks"]["database"]["status"] == "up"
    worker = _worker(empty)
    eventually(lambda: " ready." in worker.log, what="a worker that consumes")


def test_processes_that_start_together_migrate_one_after_the_other(empty: Stack) -> None:
    """Red without the lock: all but one fail on tables that exist already."""
    with psycopg.connect(empty.database.url) as held:
        held.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
        processes = [_worker(empty, "-n", f"{number}@%h", MIGRATE_ON_START="true") for number in range(2)]
        processes.append(_api(empty, MIGRATE_ON_START="true"))
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        eventually(lambda: empty.database.value(waiting) == len(processes), what="processes that wait")
    has_started = re.compile(r" ready\.|Application startup complete").search
    eventually(lambda: all(has_started(process.log) for process in processes), what="processes that work")
    assert empty.database.value("SELECT count(*) FROM alembic_version") == 1


def test_development_migrates_automatically(empty: Stack) -> None:
    address = empty.start_api(ENVIRONMENT="development")
    with client(address) as anyone:
        assert ok(anyone.get("/health"))["checks"]["database"]["status"] == "up"
        assert anyone.post("/auth/signup", json={"mobile_number": some_number()}).status_code == 201


def test_a_database_that_becomes_reachable_later_is_checked_then(empty: Stack) -> None:
    """Red when the check runs at start only: the process continues, and every request fails."""
    server, _, name = empty.database.url.rpartition("/")
    host, _, port = server.rpartition(":")
    with Relay(int(port)) as relay:
        relay.swallow()
        url = f"{host}:{relay.port}/{name}"
        api, worker = _api(empty, DATABASE_URL=url), _worker(empty, DATABASE_URL=url)
        eventually(
            lambda: "database_unavailable" in api.log and "database_unavailable" in worker.log, what="a try"
        )
        relay.serve()
        for process in (api, worker):
            assert "no tables" in _refusal(process)


def test_health_is_never_500_when_tables_are_missing(empty: Stack) -> None:
    """Red without the comparison of revisions in the check: healthy, or 500."""
    alembic(empty.database.url, "upgrade", "head")
    address = empty.start_api()
    with client(address) as anyone:
        for revision in ("-1", "base"):
            alembic(empty.database.url, "downgrade", revision)
            _wait_for_database_status(anyone, "migrations_missing")
            answer = anyone.get("/health")
            assert answer.status_code == 503
            assert answer.json()["status"] == "unhealthy"
        refused = anyone.post("/auth/signup", json={"mobile_number": some_number()})
        assert (refused.status_code, refused.json()["code"]) == (503, "service_unavailable")
        alembic(empty.database.url, "upgrade", "head")
        _wait_for_database_status(anyone, "up")


def _wait_for_database_status(anyone: httpx.Client, wanted: str) -> None:
    """Wait until /health shows the status; it caches a result for a second."""

    def is_told() -> bool:
        answer = anyone.get("/health")
        assert answer.status_code in (200, 503)
        return bool(answer.json()["checks"]["database"]["status"] == wanted)

    eventually(is_told, seconds=5, what=wanted)


def test_processes_without_a_secret_derive_the_same_one(empty: Stack) -> None:
    """Red when each process has its own secret: one rejects codes and tokens of the other."""
    alembic(empty.database.url, "upgrade", "head")
    same = empty.database.url.replace("postgresql://", "postgres://") + "?application_name=second"
    first = empty.start_api(JWT_SECRET_KEY="", ENVIRONMENT="development", OTP_DELIVERY="")
    second = empty.start_api(JWT_SECRET_KEY="", ENVIRONMENT="development", OTP_DELIVERY="", DATABASE_URL=same)
    number = {"mobile_number": some_number()}
    with client(first) as one, client(second) as other:
        ok(one.post("/auth/signup", json=number))
        otp = ok(one.post("/auth/send-otp", json=number))["otp"]
        token = ok(other.post("/auth/verify-otp", json={**number, "otp": otp}))["access_token"]
        ok(one.get("/user/me", headers={"Authorization": f"Bearer {token}"}))
    assert empty.logs().count("jwt_secret_key_missing") == 2


@pytest.mark.parametrize("secret", ["your-super-secret-jwt-key-here", "31-bytes-of-no-sample-aaaaaaaaa"])
def test_a_weak_secret_is_one_warning_outside_production(empty: Stack, secret: str) -> None:
    alembic(empty.database.url, "upgrade", "head")
    address = empty.start_api(JWT_SECRET_KEY=secret, ENVIRONMENT="development")
    number = {"mobile_number": some_number()}
    with client(address) as anyone:
        ok(anyone.post("/auth/signup", json=number))
        otp = ok(anyone.post("/auth/send-otp", json=number))["otp"]
        token = ok(anyone.post("/auth/verify-otp", json={**number, "otp": otp}))["access_token"]
        for _ in range(2):
            ok(anyone.get("/user/me", headers={"Authorization": f"Bearer {token}"}))
    [api] = [process for process in empty.processes if process.name == "api"]
    warnings = [
        line for line in api.log.splitlines() if re.search("secret|key length|Warning", line, re.IGNORECASE)
    ]
    assert len(warnings) == 1, warnings
    assert "jwt_secret_key_weak" in warnings[0]
    assert secret not in api.log


def test_a_migration_without_a_database_fails_with_one_sentence(tmp_path: Path) -> None:
    done = Process(
        "alembic",
        "alembic",
        "-c",
        str(ROOT / "alembic.ini"),
        "upgrade",
        "head",
        env={"DATABASE_URL": "postgresql://app:visible@127.0.0.1:9/app"},
        log=tmp_path / "alembic.log",
    )
    assert done.popen.wait(60) == 1
    [refusal] = [json.loads(line) for line in done.log.splitlines()]
    assert refusal["problem"].startswith("The database cannot be reached: ")
    assert "visible" not in done.log
