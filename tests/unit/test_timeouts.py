"""Timeouts count only time in which the event loop runs, and admission queues admit in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from app.kit.timeouts import AdmissionQueue, StallDetector, stall_timeout

_SECONDS = 0.05
_CALLERS = 6


def _fails(error: BaseException) -> bool:
    return isinstance(error, OSError)


async def _wait_for_timeout() -> None:
    async with stall_timeout(_SECONDS):
        await asyncio.Event().wait()


def test_a_block_that_takes_too_long_times_out() -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(_wait_for_timeout())


def test_a_stalled_loop_does_not_time_out() -> None:
    """Red with `asyncio.timeout`: the answer arrived in time, but the loop read it late."""

    async def run() -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with stall_timeout(_SECONDS):
            asyncio.get_running_loop().call_later(0.01, answer.set_result, None)
            time.sleep(2 * _SECONDS)  # noqa: ASYNC251  # the stall
            await answer

    asyncio.run(run())


def test_progress_restarts_the_timeout() -> None:
    async def run() -> None:
        progress = 0
        async with stall_timeout(_SECONDS, progress=lambda: progress):
            for progress in range(4):  # noqa: B007  # read by the lambda
                await asyncio.sleep(_SECONDS / 2)

    asyncio.run(run())


@pytest.mark.parametrize(("seconds", "has_stalled"), [(0.01, False), (0.25, True)])
def test_a_stall_is_detected_by_its_length(seconds: float, *, has_stalled: bool) -> None:
    async def run() -> bool:
        with StallDetector(0.1) as detector:
            await asyncio.sleep(0)
            time.sleep(seconds)  # noqa: ASYNC251  # the stall
            return detector.has_stalled

    assert asyncio.run(run()) is has_stalled


def test_waiters_are_admitted_in_order() -> None:
    admitted: list[int] = []

    async def enter(queue: AdmissionQueue, number: int) -> None:
        async with queue.slot():
            admitted.append(number)
            await asyncio.sleep(0)

    async def run() -> None:
        queue = AdmissionQueue(1, seconds=_SECONDS, is_failure=_fails)
        await asyncio.gather(*(enter(queue, number) for number in range(5)))

    asyncio.run(run())
    assert admitted == list(range(5))


def test_waiters_time_out_when_slots_end_with_failures_of_the_server() -> None:
    """Red when a failure counts as progress: every waiter would wait for the server in turn."""

    async def fail_slowly(queue: AdmissionQueue) -> None:
        async with queue.slot():
            await asyncio.sleep(0.7 * _SECONDS)
            raise OSError

    outcomes = asyncio.run(_outcomes(fail_slowly))
    assert (outcomes[0], outcomes[-1]) == ("OSError", "TimeoutError")


def test_waiters_wait_for_as_long_as_slots_are_released() -> None:
    async def succeed_slowly(queue: AdmissionQueue) -> None:
        async with queue.slot():
            await asyncio.sleep(0.7 * _SECONDS)

    assert asyncio.run(_outcomes(succeed_slowly)) == ["NoneType"] * _CALLERS


async def _outcomes(use: Callable[[AdmissionQueue], Awaitable[None]]) -> list[str]:
    queue = AdmissionQueue(1, seconds=_SECONDS, is_failure=_fails)
    results = await asyncio.gather(*(use(queue) for _ in range(_CALLERS)), return_exceptions=True)
    return [type(result).__name__ for result in results]


def test_a_withheld_slot_is_released_by_its_function_only() -> None:
    async def run() -> tuple[bool, bool]:
        queue = AdmissionQueue(1, seconds=0.01, is_failure=_fails)
        async with queue.slot():
            release = queue.withhold()
        is_free = await _is_free(queue)
        release()
        return is_free, await _is_free(queue)

    assert asyncio.run(run()) == (False, True)


async def _is_free(queue: AdmissionQueue) -> bool:
    try:
        async with queue.slot():
            return True
    except TimeoutError:
        return False
