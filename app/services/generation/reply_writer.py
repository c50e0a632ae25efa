"""Shows a reply while it grows: the first piece at once, then what has come together every 50 ms."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.kit.event_id import EventId
from app.redis_client.reply_events import Appended, EventKind, ReplyEvent, ReplyEvents
from app.services.generation.leases import Lease, LeaseKeeper

_PAUSE_SECONDS = 0.05
_START_SECONDS = 0.005


class ReplyWriter:
    """Writes a lease's text to the reply's stream, in a task of its own: Redis never holds up the model."""

    def __init__(self, events: ReplyEvents, leases: LeaseKeeper, lease: Lease, *, attempt: int) -> None:
        self._events = events
        self._leases = leases
        self._lease = lease
        self._written = EventId(attempt, 0)
        """Position up to which the text is in the stream."""
        self._has_started = False
        self._grown = asyncio.Event()
        self._closing = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ReplyWriter"]:
        """Write for as long as this block lasts, and what is left at its end."""
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            # Told rather than cancelled: a cancellation in the midst of a Redis command gets lost at times.
            self._closing.set()
            self._grown.set()
            await task

    def grown(self) -> None:
        """The lease's text has grown."""
        self._grown.set()

    async def _run(self) -> None:
        with contextlib.suppress(TimeoutError):  # the call to Gemini goes out first
            await asyncio.wait_for(self._grown.wait(), _START_SECONDS)
        await self._write()
        while not self._closing.is_set():
            await self._grown.wait()
            self._grown.clear()
            await self._write()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _PAUSE_SECONDS)
        await self._write()

    async def _write(self) -> None:
        if time.monotonic() > self._lease.deadline:
            return  # woken up too late: others have gone on, or erased what this belongs to
        if not self._has_started:
            done = await self._append(
                ReplyEvent(EventId(self._written.attempt, 0), EventKind.START), after=None
            )
            self._has_started = done is not Appended.UNAVAILABLE
        text = self._lease.text
        if len(text) == self._written.offset:
            return
        done = await self._append(self._delta(text, self._written.offset), after=self._written)
        if done is Appended.GAP:
            done = await self._append(self._delta(text, 0), after=None)
        if done is not Appended.UNAVAILABLE:
            # Refused: the answer to an earlier try was lost, or a later attempt writes here now.
            self._written = EventId(self._written.attempt, len(text))

    def _delta(self, text: str, offset: int) -> ReplyEvent:
        return ReplyEvent(EventId(self._written.attempt, len(text)), EventKind.DELTA, text[offset:])

    async def _append(self, event: ReplyEvent, *, after: EventId | None) -> Appended:
        done = await self._events.append(self._lease.reply_id, event, after=after)
        if done is Appended.UNAVAILABLE:
            self._leases.save_soon()
        return done
