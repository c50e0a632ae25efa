"""Streams a reply's text to Redis: the first chunk at once, then every 50 ms what has been added."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.kit.event_id import EventId
from app.redis_client.reply_events import Appended, EventKind, ReplyEvent, ReplyEvents
from app.services.generation.leases import Lease, LeaseKeeper

_INTERVAL_SECONDS = 0.05
_START_DELAY_SECONDS = 0.005


class ReplyWriter:
    """Appends a lease's text to the reply's stream in a background task, so Redis never delays the model."""

    def __init__(self, events: ReplyEvents, leases: LeaseKeeper, lease: Lease, *, attempt: int) -> None:
        self._events = events
        self._leases = leases
        self._lease = lease
        self._written = EventId(attempt, 0)
        """Position up to which the text is in the stream."""
        self._chunks_written = 0
        self._has_started = False
        self._grown = asyncio.Event()
        self._closing = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ReplyWriter"]:
        """Write in the background for the duration of this block, and write the rest at its end."""
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            # Stopped by flag: redis-py sometimes swallows a cancellation in the middle of a command.
            self._closing.set()
            self._grown.set()
            await task

    def grown(self) -> None:
        """Note that the lease's text has grown."""
        self._grown.set()

    async def _run(self) -> None:
        await _wait(self._grown, _START_DELAY_SECONDS)  # the model is called first
        await self._write()
        while not self._closing.is_set():
            await self._grown.wait()
            self._grown.clear()
            await self._write()
            await _wait(self._closing, _INTERVAL_SECONDS)
        await self._write()

    async def _write(self) -> None:
        if time.monotonic() > self._lease.deadline:
            return  # the lease has expired: another worker may own the reply, or it was erased
        if not self._has_started:
            done = await self._append(
                ReplyEvent(EventId(self._written.attempt, 0), EventKind.START), after=None
            )
            self._has_started = done is not Appended.UNAVAILABLE
        chunks = len(self._lease.chunks)
        # Only the new chunks are joined: joining all for each event would cost the square of the length.
        added = "".join(self._lease.chunks[self._chunks_written :])
        if not added:
            return
        end = self._written.advanced(len(added))
        done = await self._append(ReplyEvent(end, EventKind.DELTA, added), after=self._written)
        if done is Appended.GAP:
            whole = "".join(self._lease.chunks[:chunks])
            done = await self._append(ReplyEvent(end, EventKind.DELTA, whole), after=None)
        if done is not Appended.UNAVAILABLE:
            # Refused: an earlier try was stored but its response lost, or a later attempt owns the stream.
            self._written, self._chunks_written = end, chunks

    async def _append(self, event: ReplyEvent, *, after: EventId | None) -> Appended:
        done = await self._events.append(self._lease.reply_id, event, after=after)
        if done is Appended.UNAVAILABLE:
            self._leases.checkpoint_soon()
        return done


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but no longer than some seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
