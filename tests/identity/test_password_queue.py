"""The queue for password hashes serves networks in rotation, so a flood of logins locks no user out."""

import asyncio
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from app.kit.fair_queue import FairQueue, QueueFullError
from tests.support.callers import log_in_from, sign_up_from
from tests.support.codes import api_processes, some_address
from tests.support.person import some_number
from tests.support.sessions import PASSWORD, give_password
from tests.support.stack import Stack

_FLOODERS_PER_ADDRESS = 25
_OWNERS = 8
_SLOWEST_SECONDS = 15  # a bound that a noisy machine keeps; alone it takes a tenth of a second


def _run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene())


def _queue(*, slots: int = 1, places: int = 8, per_group: int = 4, seconds: float = 30) -> FairQueue:
    return FairQueue(
        slots=slots, max_waiting=places, max_waiting_per_group=per_group, max_wait_seconds=seconds
    )


class _Scene:
    """Tasks that wait for a slot, and the order in which they got it."""

    def __init__(self, queue: FairQueue) -> None:
        self.queue = queue
        self.served: list[str] = []
        self.going_on = asyncio.Event()

    async def enter(self, group: str) -> asyncio.Task[None]:
        """Start a task that holds its slot until `going_on`; it is in the queue when this returns."""
        task = asyncio.create_task(self._work(group))
        await asyncio.sleep(0)
        return task

    async def _work(self, group: str) -> None:
        async with self.queue.slot(group):
            self.served.append(group)
            await self.going_on.wait()


def test_groups_are_served_in_rotation_and_within_a_group_the_oldest_is_first() -> None:
    """Red when all wait in one queue: the late group is served last."""

    async def scene() -> None:
        scene = _Scene(_queue())
        tasks = [await scene.enter(group) for group in ("flood", "flood", "flood", "late", "third", "late")]
        scene.going_on.set()
        await asyncio.gather(*tasks)
        assert scene.served == ["flood", "flood", "late", "third", "flood", "late"]

    _run(scene)


def test_a_group_has_a_limit_of_waiters_and_leaves_room_for_others() -> None:
    async def scene() -> None:
        scene = _Scene(_queue())
        tasks = [await scene.enter("flood") for _ in range(7)]
        others = [await scene.enter(f"other {number}") for number in range(3)]
        scene.going_on.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(outcome, QueueFullError) for outcome in outcomes] == [False] * 5 + [True] * 2
        await asyncio.gather(*others)

    _run(scene)


def test_in_a_full_queue_the_longest_group_loses_its_newest_waiter() -> None:
    """Red when late groups are refused: two floods lock all others out."""

    async def scene() -> None:
        scene = _Scene(_queue())
        floods = [await scene.enter(group) for group in ["first"] * 5 + ["second"] * 4]
        late = [await scene.enter(f"late {number}") for number in range(2)]
        scene.going_on.set()
        outcomes = await asyncio.gather(*floods, return_exceptions=True)
        refused = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, QueueFullError)]
        assert refused == [4, 8]  # the newest of each
        await asyncio.gather(*late)

    _run(scene)


def test_a_wait_times_out_and_a_cancelled_one_leaves_the_queue() -> None:
    """Red when cancelled waiters stay in the queue: their group stays full."""

    async def scene() -> None:
        scene = _Scene(_queue(seconds=0.2))
        first = await scene.enter("first")
        for _ in range(3):
            cancelled = [await scene.enter("second") for _ in range(4)]
            for task in cancelled:
                task.cancel()
            outcomes = await asyncio.gather(*cancelled, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 4
        with pytest.raises(QueueFullError):
            await (await scene.enter("third"))
        scene.going_on.set()
        await first
        for _ in range(3):
            await (await scene.enter("second"))

    _run(scene)


def _flood(url: str, address: str, counts: Counter[int], ended: threading.Event) -> None:
    with httpx.Client(timeout=60, trust_env=False, headers={"X-Forwarded-For": address}) as stranger:
        for number in itertools.count():
            if ended.is_set():
                return
            body = {"mobile_number": some_number(), "password": f"wrong guess {number}"}
            counts[stranger.post(f"{url}/auth/login", json=body).status_code] += 1


def test_a_flood_of_wrong_logins_from_a_few_addresses_locks_no_user_out(stack: Stack) -> None:
    """Red when all wait in one bounded queue: nearly every login of a user is refused with 503."""
    counts: Counter[int] = Counter()
    ended = threading.Event()
    with api_processes(stack, 1) as [url], ThreadPoolExecutor(_FLOODERS_PER_ADDRESS * 4) as threads:
        owners = [sign_up_from(url, some_address()) for _ in range(_OWNERS)]
        for owner in owners:
            give_password(owner)
        addresses = [some_address() for _ in range(4)] * _FLOODERS_PER_ADDRESS
        floods = [threads.submit(_flood, url, address, counts, ended) for address in addresses]
        try:
            while sum(counts.values()) < 100:
                time.sleep(0.02)
            seconds = []
            for owner in owners:
                began = time.monotonic()
                address = str(owner.http.headers["X-Forwarded-For"])
                answer = log_in_from(url, address, owner.mobile_number, PASSWORD)
                seconds.append(time.monotonic() - began)
                assert answer.is_success, answer.text
        finally:
            ended.set()
        for flood in floods:
            flood.result()
    assert max(seconds) < _SLOWEST_SECONDS
    assert counts.keys() <= {401, 503, 429}
