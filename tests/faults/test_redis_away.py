"""F5 and F6: Redis down, frozen, or behind a half-open connection."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.faults.conftest import Scale
from tests.faults.environment import Environment, freeze, thaw
from tests.faults.proxy import Proxy
from tests.faults.wakeups import wait_for_wakeup
from tests.support.user import User

_SLOWEST_SECONDS = 2.5
Outage = Callable[[Environment], Iterator[None]]


def _down(environment: Environment) -> Iterator[None]:
    environment.valkey.kill()
    yield
    environment.valkey.start()


def _frozen(environment: Environment) -> Iterator[None]:
    freeze(environment.valkey)
    yield
    thaw(environment.valkey)


@pytest.mark.parametrize(
    ("fault", "outage"),
    [
        pytest.param("F5 Redis down", _down, id="down"),
        pytest.param("F6 Redis frozen", _frozen, id="frozen"),
    ],
)
def test_posts_are_answered_in_2_5_seconds_without_redis_and_replies_complete(
    environment: Environment, scale: Scale, fault: str, outage: Outage
) -> None:
    """Red when a request waits for its job to be published, and without a timeout on every Redis command."""
    environment.workers(1)
    user = environment.user()
    _measure(
        environment,
        fault,
        scale.times(10, 60),
        user,
        lambda: contextmanager(outage)(environment),
        environment.stack.base_url,
    )


def test_posts_are_answered_in_2_5_seconds_with_half_open_redis_connections(
    environment: Environment, scale: Scale
) -> None:
    """Red without the worker's socket timeout: it reads from a connection that stays silent for ever."""
    [worker] = environment.workers(1)
    worker.kill()
    with Proxy(environment.valkey.port) as proxy:
        through = environment.valkey.url().replace(f":{environment.valkey.port}/", f":{proxy.port}/")
        worker = environment.stack.start_worker(REDIS_URL=through)
        api = environment.stack.start_api(REDIS_URL=through)

        @contextmanager
        def half_open() -> Iterator[None]:
            proxy.silence()
            yield
            proxy.speak()

        try:
            _measure(
                environment, "F6 Redis half-open", scale.times(10, 60), environment.user(), half_open, api
            )
            wait_for_wakeup(environment, environment.user().at(api), worker, seconds=30)
        finally:
            worker.kill()


def _measure(
    environment: Environment,
    fault: str,
    seconds: int,
    user: User,
    outage: Callable[[], AbstractContextManager[None]],
    api: str,
) -> None:
    """Send messages during an outage. A busy machine gets a second chance."""
    for last in (False, True):
        with environment.load(at=(api,)) as load:
            load.wait_for_more(4)
            with outage():
                load.last_for(seconds)
                began = time.monotonic()
                code = user.at(api).http.post("/auth/send-otp", json={"mobile_number": user.mobile_number})
                code_seconds = time.monotonic() - began
                load.stop()
                # All replies end before Redis is available again.
                account = environment.account(fault, f"{seconds} s", load.ledger)
        assert (account.failed, load.ledger.statuses()) == (0, {202}), account.remarks
        assert (code.status_code, "retry-after" in code.headers) == (503, True), code.text
        slowest = max(load.ledger.slowest, code_seconds)
        if slowest < _SLOWEST_SECONDS:
            return
        assert not last, f"the slowest POST took {slowest:.2f} s"
        environment.lines.pop()
