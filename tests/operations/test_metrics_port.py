"""The metrics port of a worker: the API's answers, and no effect on the worker."""

import socket
import time

import httpx
import pytest

from devtools.ports import free_port
from tests.support.metrics import Metrics, start_measured_worker
from tests.support.process import Process
from tests.support.stack import Stack
from tests.support.user import client, ok, problem
from tests.support.waiting import eventually


def test_the_port_answers_as_the_api_does(own_stack: Stack) -> None:
    """Red when a wrong token, another path or another method gets metrics."""
    worker, address = start_measured_worker(own_stack)
    token = {"Authorization": f"Bearer {own_stack.settings['METRICS_TOKEN']}"}
    with client(address) as anyone:
        problem(anyone.get("/metrics"), 401, "authentication_required")
        for wrong in (
            "Bearer wrong",
            f"Basic {own_stack.settings['METRICS_TOKEN']}",
            "Bearer",
            "Bearer \xff",
        ):
            refused = anyone.get("/metrics", headers={b"Authorization": wrong.encode("latin-1")})
            problem(refused, 401, "authentication_required")
            assert refused.headers["www-authenticate"] == "Bearer"
        for path in ("/", "/health", "/metrics/", "/docs"):
            problem(anyone.get(path, headers=token), 404, "not_found")
        not_allowed = anyone.post("/metrics", headers=token)
        problem(not_allowed, 405, "method_not_allowed")
        assert not_allowed.headers["allow"] == "GET, HEAD"
        head = anyone.head("/metrics", headers=token)
        assert (head.status_code, head.content) == (200, b"")
        alive = anyone.get("/health/live")
        assert (alive.status_code, alive.json()) == (200, {"status": "healthy"})
        assert alive.headers["cache-control"] == "no-store"
    assert ok(client(own_stack.base_url).get("/health/live")) == {"status": "healthy"}
    assert '"metrics_served"' in worker.log
    assert worker.stop() == 0


def test_without_a_token_in_the_settings_the_port_has_no_metrics(own_stack: Stack) -> None:
    _, address = start_measured_worker(own_stack, METRICS_TOKEN="")
    with client(address, {"Authorization": "Bearer x"}) as anyone:
        problem(anyone.get("/metrics"), 404, "not_found")
        assert anyone.get("/health/live").status_code == 200


def test_without_a_port_a_worker_serves_nothing_and_the_api_ignores_the_port(own_stack: Stack) -> None:
    port = free_port()
    worker = own_stack.start_worker()
    api = own_stack.start_api(METRICS_PORT=str(port))
    assert httpx.get(f"{api}/health/live", trust_env=False).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False)
    assert "metrics_served" not in worker.log
    assert worker.stop() == 0


def test_the_port_is_served_on_both_families(own_stack: Stack) -> None:
    """Red when it is bound to one of them: a container's network may have either."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")  # the other tests use IPv4
    _, address = start_measured_worker(own_stack)
    port = address.rpartition(":")[2]
    for host in ("127.0.0.1", "[::1]"):
        assert httpx.get(f"http://{host}:{port}/health/live", trust_env=False).status_code == 200


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_taken_port_is_served_once_it_is_free_and_the_worker_works_meanwhile(
    own_stack: Stack, pool: str
) -> None:
    """Red when the second worker does not start, does not answer, or never takes the port over."""
    first, address = start_measured_worker(own_stack, f"--pool={pool}")
    second = own_stack.start_worker(f"--pool={pool}", METRICS_PORT=address.rpartition(":")[2])
    eventually(lambda: '"metrics_port_unavailable"' in second.log, what="a warning")
    assert Metrics(address, own_stack).value("chat_reply_places") == (1 if pool == "solo" else 200)
    assert first.stop() == 0
    user = own_stack.user()
    assert user.say(user.open_room(), "Who answers?")["reply"]["status"] == "completed"
    eventually(lambda: '"metrics_served"' in second.log, what="the port")
    metrics = Metrics(address, own_stack)
    assert metrics.value("chat_replies_total", outcome="completed", model="gemini-3.8-flash") == 1
    assert second.log.count('"metrics_port_unavailable"') == 1
    assert second.stop() == 0


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_draining_worker_still_answers_and_its_end_waits_for_no_connection(
    own_stack: Stack, pool: str
) -> None:
    """Red when the port closes with the signal, or when a silent connection delays the end."""
    worker, address = start_measured_worker(own_stack, f"--pool={pool}")
    user = own_stack.user()
    content = "[sandbox:pieces=60] [sandbox:pace=50] Before the end"
    reply = ok(user.post(user.open_room(), content, Prefer="respond-async"))["reply"]
    eventually(lambda: own_stack.calls("Before the end"), what="a call to Gemini")
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as silent, client(address) as scraper:
        silent.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert scraper.get("/health/live").status_code == 200  # its connection stays open
        terminated = _terminate(worker)
        assert Metrics(address, own_stack).value("chat_replies_in_progress") == 1
        worker.popen.wait(30)
        ended = own_stack.database.rows("SELECT status FROM messages WHERE role = 'model'")
        assert [row["status"] for row in ended] == ["completed"]
        assert worker.popen.returncode == 0
        assert time.monotonic() - terminated < 20
    assert reply["id"]


def _terminate(worker: Process) -> float:
    worker.popen.terminate()
    eventually(lambda: '"worker_draining"' in worker.log, what="a draining worker")
    return time.monotonic()


def test_slow_scrapers_are_disconnected(own_stack: Stack) -> None:
    """Red when the port uses a server without the API's limits: a connection without a request stays open."""
    _, address = start_measured_worker(own_stack)
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=30) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        answer = b"".join(iter(lambda: slow.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=30) as large:
        large.sendall(b"GET /metrics HTTP/1.1\r\n" + b"X: " + b"y" * 70_000 + b"\r\n")
        assert large.recv(4096).startswith(b"HTTP/1.1 431 ")
    assert httpx.get(f"{address}/health/live", trust_env=False).status_code == 200
