"""F5 and F6: Redis that is down, frozen, or behind a connection that nobody hears."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.faults.bench import Bench, freeze, thaw
from tests.faults.conftest import Scale
from tests.faults.kicks import wait_for_a_kick
from tests.faults.proxy import Proxy
from tests.support.person import Person

_SLOWEST_SECONDS = 2.5
Outage = Callable[[Bench], Iterator[None]]


def _down(bench: Bench) -> Iterator[None]:
    bench.valkey.kill()
    yield
    bench.valkey.start()


def _frozen(bench: Bench) -> Iterator[None]:
    freeze(bench.valkey)
    yield
    thaw(bench.valkey)


@pytest.mark.parametrize(
    ("fault", "outage"),
    [
        pytest.param("F5 Redis down", _down, id="down"),
        pytest.param("F6 Redis frozen", _frozen, id="frozen"),
    ],
)
def test_posts_are_answered_in_2_5_seconds_without_redis_and_their_replies_come(
    bench: Bench, scale: Scale, fault: str, outage: Outage
) -> None:
    """Red when the job is published within the request, and without the limits on every wait for Redis."""
    bench.workers(1)
    person = bench.person()
    _measure(
        bench, fault, scale.times(10, 60), person, lambda: contextmanager(outage)(bench), bench.stack.base_url
    )


def test_posts_are_answered_in_2_5_seconds_while_redis_hears_nobody(bench: Bench, scale: Scale) -> None:
    """Red without the worker's socket timeout: it listens to a connection that stays silent for ever."""
    [worker] = bench.workers(1)
    worker.kill()
    with Proxy(bench.valkey.port) as proxy:
        through = bench.valkey.url().replace(f":{bench.valkey.port}/", f":{proxy.port}/")
        worker = bench.stack.start_worker(REDIS_URL=through)
        api = bench.stack.start_api(REDIS_URL=through)

        @contextmanager
        def half_open() -> Iterator[None]:
            proxy.silence()
            yield
            proxy.speak()

        try:
            _measure(bench, "F6 Redis half-open", scale.times(10, 60), bench.person(), half_open, api)
            wait_for_a_kick(bench, bench.person().at(api), worker, seconds=30)
        finally:
            worker.kill()


def _measure(
    bench: Bench,
    fault: str,
    seconds: int,
    person: Person,
    outage: Callable[[], AbstractContextManager[None]],
    api: str,
) -> None:
    """Write through an outage; a machine that was busy with something else gets a second chance."""
    for last in (False, True):
        with bench.load(at=(api,)) as load:
            load.wait_for_more(4)
            with outage():
                load.last_for(seconds)
                began = time.monotonic()
                code = person.at(api).http.post(
                    "/auth/send-otp", json={"mobile_number": person.mobile_number}
                )
                code_seconds = time.monotonic() - began
                load.stop()
                # All are answered before Redis is back.
                account = bench.account(fault, f"{seconds} s", load.ledger)
        assert (account.failed, load.ledger.statuses()) == (0, {202}), account.remarks
        assert (code.status_code, "retry-after" in code.headers) == (503, True), code.text
        slowest = max(load.ledger.slowest, code_seconds)
        if slowest < _SLOWEST_SECONDS:
            return
        assert not last, f"the slowest POST took {slowest:.2f} s"
        bench.lines.pop()
