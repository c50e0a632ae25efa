"""A database that is distant, slow to connect to, or behind a network that drops idle connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import Servers
from tests.support.relay import Relay
from tests.support.stack import Stack
from tests.support.user import client, ok
from tests.support.waiting import eventually

_AT_ONCE = 10


@pytest.fixture
def relay(servers: Servers) -> Iterator[Relay]:
    """Run a relay in front of the database server."""
    _, _, port = servers.database_url.rpartition("/")[0].rpartition(":")
    with Relay(int(port)) as relay:
        yield relay


@pytest.fixture
def far(servers: Servers, tmp_path: Path) -> Iterator[Stack]:
    """Run a stack whose API processes the test starts, connected through the relay."""
    stack = Stack(database_url=servers.database_url, redis_url=servers.redis_url, folder=tmp_path)
    stack.settings["CELERY_BROKER_URL"] = servers.redis_url.rpartition("/")[0] + "/9"
    try:
        stack.migrate()
        stack.start_sandbox()
        yield stack
    finally:
        stack.stop()


def _through(stack: Stack, relay: Relay) -> str:
    server, _, name = stack.database.url.rpartition("/")
    return f"{server.rpartition(':')[0]}:{relay.port}/{name}"


@pytest.mark.parametrize("delay", [0.045, 0.075])
def test_a_distant_database_is_reachable(far: Stack, relay: Relay, delay: float) -> None:
    """Red when the request's limit also bounds the connect: at 90 ms none succeeded."""
    relay.delay = delay
    address = far.start_api(DATABASE_URL=_through(far, relay))
    with client(address) as anyone:
        eventually(lambda: anyone.get("/health").status_code == 200, what="a database that is up")
        users = [far.user(address) for _ in range(2)]
        for user in users:
            assert ok(user.http.get("/user/me"))["id"] == str(user.id)


def test_a_connection_that_outlasts_its_request_serves_the_next_one(far: Stack, relay: Relay) -> None:
    """Red when a timed-out request cancels its connect: none ever succeeds, and attempts pile up."""
    address = far.start_api(DATABASE_URL=_through(far, relay))
    user = far.user(address)
    room = user.open_room()
    relay.forget()
    relay.delay = 0.3  # a handshake takes about eight times that
    answers = []

    def post() -> bool:
        answer = user.post(room, "Is it there?", Prefer="respond-async")
        assert answer.elapsed.total_seconds() < 4, "a request waited for the handshake"  # 2.5 s are promised
        answers.append(answer.status_code)
        return answer.status_code == 202

    begun = relay.accepted
    eventually(post, what="a message that is accepted", seconds=60)
    assert set(answers) <= {202, 503}
    assert relay.accepted - begun <= 2 * len(answers) + 2


def test_a_server_that_hangs_causes_503_in_time_even_while_connecting(far: Stack, relay: Relay) -> None:
    address = far.start_api(DATABASE_URL=_through(far, relay), DATABASE_CONNECT_SECONDS="60")
    user = far.user(address)
    room = user.open_room()
    relay.forget()
    relay.swallow()
    for _ in range(2):
        answer = user.post(room, "Anybody?", Prefer="respond-async")
        assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
        assert answer.elapsed.total_seconds() < 4
    relay.serve()
    eventually(
        lambda: user.post(room, "And now?", Prefer="respond-async").status_code == 202, what="an answer"
    )


def test_connections_that_the_network_dropped_are_replaced_within_the_request(
    far: Stack, relay: Relay
) -> None:
    """Red without the ping before use: ten requests after an idle hour were all 503."""
    address = far.start_api(DATABASE_URL=_through(far, relay))
    users = [far.user(address) for _ in range(_AT_ONCE)]

    def read(number: int) -> int:
        return users[number].http.get("/chatroom?limit=20").status_code

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(read, range(_AT_ONCE)))
        eventually(lambda: _is_idle(far), what="connections idle for more than a second")
        assert relay.forget() > 1
        assert list(pool.map(read, range(_AT_ONCE))) == [200] * _AT_ONCE
    assert "database_unavailable" not in far.logs()


def test_the_log_has_the_reason_of_the_server(far: Stack) -> None:
    server, _, name = far.database.url.rpartition("/")
    scheme, _, location = server.partition("://")
    _, _, host = location.rpartition("@")
    for url, reason in (
        (f"{scheme}://postgres:visible@{host}/{name}", "28P01 password authentication failed"),
        (f"{server}/no_such_database", "3D000 database"),
        (f"{scheme}://postgres:visible@127.0.0.1:9/{name}", "[Errno 111]"),
    ):
        address = far.start_api(DATABASE_URL=url)
        with client(address) as anyone:
            assert anyone.get("/health").status_code == 503
        api = far.processes[-1]
        assert reason in api.log
        assert "visible" not in api.log
        api.kill()


def _is_idle(stack: Stack) -> bool:
    newest = stack.database.value(
        "SELECT min(extract(epoch FROM now() - state_change)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return float(str(newest)) > 1.2  # the pool pings connections that were idle for a second
