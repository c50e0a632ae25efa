"""Background tasks are kept, waited for, cancelled, and their failures logged."""

import asyncio
from collections.abc import Coroutine

from structlog.testing import capture_logs

from app.kit.background import TaskSet


def test_waiting_includes_tasks_that_start_meanwhile() -> None:
    """Red when only the tasks of the beginning are waited for: a shutdown would lose the others."""
    ended: list[str] = []

    async def second() -> None:
        await asyncio.sleep(0.01)
        ended.append("second")

    async def first(tasks: TaskSet) -> None:
        await asyncio.sleep(0.01)
        tasks.start(second())
        ended.append("first")

    async def run() -> int:
        tasks = TaskSet("test")
        tasks.start(first(tasks))
        await tasks.wait(5)
        return len(tasks)

    assert asyncio.run(run()) == 0
    assert ended == ["first", "second"]


def test_waiting_ends_after_its_limit_and_closing_cancels() -> None:
    async def run() -> tuple[int, bool]:
        tasks = TaskSet("test")
        endless = tasks.start(_forever())
        await tasks.wait(0.01)
        running = len(tasks)
        await tasks.close(5)
        return running, endless.cancelled()

    assert asyncio.run(run()) == (1, True)


def test_a_failure_is_logged_and_does_not_reach_the_others() -> None:
    """Red when a failed task stays silent, and when closing a set logs the cancellations."""

    async def run() -> None:
        tasks = TaskSet("test")
        tasks.start(_fail())
        tasks.start(_forever())
        await asyncio.sleep(0.01)
        assert len(tasks) == 1
        await tasks.close(5)

    assert _failures(run()) == ["test"]


def _failures(run: Coroutine[object, object, None]) -> list[object]:
    with capture_logs() as entries:
        asyncio.run(run)
    return [entry["work"] for entry in entries if entry["event"] == "background_work_failed"]


async def _forever() -> None:
    await asyncio.Event().wait()


async def _fail() -> None:
    raise RuntimeError
