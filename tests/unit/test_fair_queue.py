"""The fair queue: groups are served in rotation, and a flood of one group displaces only itself."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.kit.fair_queue import FairQueue, QueueFullError


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
