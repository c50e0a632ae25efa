"""Redis over TLS, with user and database: API, worker and Flower connect alike, on Debian's server."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from devtools.ports import free_port
from tests.support.installed import IN_CI
from tests.support.process import Process
from tests.support.redis_server import SERVER, Certificates, RedisServer, redis_server
from tests.support.stack import Stack
from tests.support.user import User, client
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(
    SERVER is None and not IN_CI, reason="needs Debian's redis-server, whose Redis speaks TLS"
)

_PASSWORD = "p#a/s?s;w@r%d"
_USER = "app:user"
_LOGIN = "app%3Auser:p%23a%2Fs%3Fs%3Bw%40r%25d"
_ACL = ("--user", _USER, "on", f">{_PASSWORD}", "~*", "&*", "+@all", "--user", "default", "off")
_UNVERIFIED = "certificate verify failed"
# This worker rarely polls, so only a wake-up starts a reply.
_ONLY_JOBS = {"REPLY_POLL_SECONDS": "3000", "REPLY_LEASE_SECONDS": "3000"}


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Create a certificate for `localhost`, but not for 127.0.0.1."""
    return Certificates(tmp_path / "certificates")


@pytest.fixture
def server(tmp_path: Path, certificates: Certificates) -> Iterator[RedisServer]:
    """Run a server that accepts TLS only and has one user."""
    with redis_server(tmp_path, *_ACL, tls=certificates) as server:
        yield server


@pytest.fixture
def stack_of(own_stack: Stack) -> Iterator[Stack]:
    """Run a stack whose queue is at `REDIS_URL`."""
    del own_stack.settings["CELERY_BROKER_URL"]
    yield own_stack
    for process in own_stack.processes:  # before the Redis that they are connected to
        process.kill()


def _start_flower(stack: Stack) -> tuple[Process, str]:
    port = free_port()
    where = ("--address=127.0.0.1", f"--port={port}")
    login = {"FLOWER_BASIC_AUTH": "user:password"}
    process = stack.start("flower", "celery", "-A", "app.celery_app", "flower", *where, **login)
    return process, f"http://127.0.0.1:{port}"


def _queue_length(flower_url: str) -> int | None:
    """Return the queue's length by Flower's own connection to the broker; None while it has none."""
    try:
        answer = httpx.get(f"{flower_url}/api/queues/length", auth=("user", "password"), timeout=5)
    except httpx.TransportError:
        return None
    queues = answer.json()["active_queues"] if answer.is_success else []
    lengths = [queue["messages"] for queue in queues if queue["name"] == "ai_processing"]
    return lengths[0] if lengths else None


def _refuses(process: Process) -> bool:
    return _UNVERIFIED in process.log


def _api(stack: Stack, base_url: str) -> Process:
    return next(
        process for process in stack.processes if process.name == "api" and base_url[-5:] in process.log
    )


@pytest.mark.parametrize(
    "options",
    [
        "?ssl_ca_certs={authority}",
        "?ssl_cert_reqs=CERT_NONE",
        "?ssl_cert_reqs=none",
        "?db=3&ssl_cert_reqs=none",
    ],
)
def test_api_worker_and_flower_use_the_same_database_over_tls(
    stack_of: Stack, server: RedisServer, certificates: Certificates, options: str
) -> None:
    """Red when redis-py, kombu or Flower reads an option, a password or a database differently."""
    options = options.format(authority=certificates.authority)
    path = "" if "db=" in options else "/3"
    stack_of.settings["REDIS_URL"] = f"rediss://{_LOGIN}@localhost:{server.port}{path}{options}"
    base_url = stack_of.start_api()
    worker = stack_of.start_worker(**_ONLY_JOBS)
    flower, flower_url = _start_flower(stack_of)
    user = User.sign_up(base_url)
    assert user.say(user.open_room(), "Over TLS")["reply"]["status"] == "completed"
    eventually(lambda: _queue_length(flower_url) == 0, what="a queue that Flower sees")
    worker.kill()
    with server.client(
        db=3, username=_USER, password=_PASSWORD, ssl=True, ssl_ca_certs=str(certificates.authority)
    ) as other:
        other.lpush("ai_processing", "{}", "{}")
        eventually(lambda: _queue_length(flower_url) == 2, what="Flower's own connection")
    assert "insecure" not in worker.log + flower.log
    assert _PASSWORD not in stack_of.logs()


@pytest.mark.parametrize(
    "where",
    [
        "localhost:{port}/0",
        "127.0.0.1:{port}/0?ssl_ca_certs={authority}",
        "localhost:{port}/0?ssl_ca_certs={other}",
    ],
    ids=["no authority", "another host", "another authority"],
)
def test_every_process_rejects_an_unverified_server(
    stack_of: Stack, server: RedisServer, certificates: Certificates, tmp_path: Path, where: str
) -> None:
    """Red where a process sends its password to an unverified server, as kombu does by default."""
    other = Certificates(tmp_path / "others")
    address = where.format(port=server.port, authority=certificates.authority, other=other.authority)
    stack_of.settings["REDIS_URL"] = f"rediss://{_LOGIN}@{address}"
    base_url = stack_of.start_api()
    command = ("-A", "app.celery_app", "worker", "-Q", "ai_processing")
    worker = stack_of.start("worker", "celery", *command)
    flower, flower_url = _start_flower(stack_of)
    with client(base_url) as anyone:
        assert anyone.get("/health").json()["checks"]["redis"]["status"] == "down"
    for process in (_api(stack_of, base_url), worker, flower):
        eventually(partial(_refuses, process), what=f"a refusal in the log of {process.name}")
    assert " ready." not in worker.log
    assert _queue_length(flower_url) is None
    assert _PASSWORD not in stack_of.logs()


@pytest.mark.parametrize(
    ("login", "reason"),
    [("app%3Auser:wrong-secret@", "WRONGPASS"), ("", "NOAUTH"), (":wrong-secret@", "WRONGPASS")],
)
def test_the_log_has_the_reason_why_redis_rejects_a_connection(
    stack_of: Stack, server: RedisServer, login: str, reason: str
) -> None:
    """Red when only the name of an exception is logged."""
    stack_of.settings["REDIS_URL"] = f"rediss://{login}localhost:{server.port}/0?ssl_cert_reqs=none"
    base_url = stack_of.start_api()
    with client(base_url) as anyone:
        assert anyone.get("/health").json()["checks"]["redis"]["status"] == "down"
    log = _api(stack_of, base_url).log
    [line] = [line for line in log.splitlines() if "redis_unavailable" in line][:1]
    assert reason in line
    assert "wrong-secret" not in log
