"""The loop over due rows ends when no more are due, when the process drains, and on an error."""

import asyncio
from collections.abc import Sequence

import pytest

from app.kit.leased_work import process_due


class _Queue:
    """Due rows; `stop_after` rows the process drains."""

    def __init__(self, rows: int, *, stop_after: int | None = None) -> None:
        self.due = list(range(rows))
        self.processed: list[int] = []
        self.claims = 0
        self._stop_after = stop_after

    async def claim(self, limit: int) -> Sequence[int]:
        self.claims += 1
        claimed, self.due = self.due[:limit], self.due[limit:]
        return claimed

    async def process(self, row: int) -> None:
        await asyncio.sleep(0)
        self.processed.append(row)

    def is_stopping(self) -> bool:
        return self._stop_after is not None and len(self.processed) >= self._stop_after

    def run(self, *, batch_size: int) -> None:
        asyncio.run(
            process_due(self.claim, self.process, batch_size=batch_size, is_stopping=self.is_stopping)
        )


@pytest.mark.parametrize(("rows", "claims"), [(0, 1), (2, 1), (3, 2), (7, 3)])
def test_all_due_rows_are_processed_in_as_few_claims_as_can_be(rows: int, claims: int) -> None:
    queue = _Queue(rows)
    queue.run(batch_size=3)
    assert (queue.processed, queue.claims) == (list(range(rows)), claims)


def test_a_draining_process_finishes_its_batch_and_claims_no_more() -> None:
    """Red when the loop does not ask: a shutdown would take as long as the queue."""
    queue = _Queue(7, stop_after=1)
    queue.run(batch_size=2)
    assert (queue.processed, queue.claims) == ([0, 1], 1)


def test_an_error_ends_the_loop() -> None:
    """Red when the loop goes on: with the database unavailable it would spin."""

    class _Failing(_Queue):
        async def process(self, row: int) -> None:
            raise TimeoutError(row)

    queue = _Failing(5)
    with pytest.raises(TimeoutError):
        queue.run(batch_size=1)
    assert queue.claims == 1
