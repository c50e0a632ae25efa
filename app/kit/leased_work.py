"""The loop of workers that claim due rows under a lease."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")


async def process_due(
    claim: Callable[[int], Awaitable[Sequence[_T]]],
    process: Callable[[_T], Awaitable[None]],
    *,
    batch_size: int,
    is_stopping: Callable[[], bool],
) -> None:
    """Claim rows and process them concurrently, batch by batch, until fewer are due or the process drains.

    An error of either function ends the loop: the rows are due again when their leases end.

    Args:
        claim: Returns up to the given number of due rows, under a lease that other processes respect.
        process: Processes one row and finishes it, or makes it due at another time.
        batch_size: How many rows are processed at once.
        is_stopping: Whether the process drains, and claims nothing more.
    """
    while not is_stopping():
        claimed = await claim(batch_size)
        await asyncio.gather(*(process(row) for row in claimed))
        if len(claimed) < batch_size:
            return
