"""Renew the leases of this process on one timer, and stop work whose lease expires."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

import structlog

from app.errors import ServiceUnavailable
from app.repositories.leases import LeaseCheckpoint
from app.services.generation.attempt_usage import AttemptUsage
from app.services.generation.context import ReplyContext, prompt_bytes
from app.unit_of_work import UnitOfWork

_SAFETY_SECONDS = 1.0
_RENEWALS_PER_LEASE = 3
_TICK_SECONDS = 0.25
_CHECKPOINT_SECONDS = 1.0

log = structlog.get_logger(__name__)


class StopReason(StrEnum):
    """The reason why work on a reply was stopped from outside."""

    LOST = "lost"
    CANCELLED = "cancelled"
    SHUTDOWN = "shutdown"


@dataclass(eq=False)
class Lease:
    """The lease of one reply in work. `text` grows while the model streams."""

    reply_id: UUID
    token: UUID
    task: asyncio.Task[object]
    deadline: float
    """The expiry by this process's monotonic clock; earlier than `lease_until` of the database."""
    chunks: list[str] = field(default_factory=list)
    usage: AttemptUsage = field(default_factory=AttemptUsage)
    context: ReplyContext | None = None
    """The context with which the model was called."""
    stop_reason: StopReason | None = None
    is_finishing: bool = False
    """Whether its end is being written: then only the token in the database decides."""

    def call(self, context: ReplyContext) -> None:
        """Record the context with which the model is called, and count the prompt."""
        self.context = context
        self.usage.call(
            prompt_bytes=prompt_bytes(context.prompt), bytes_per_token=context.room.bytes_per_token
        )

    @property
    def model(self) -> str | None:
        """The model that was called."""
        return None if self.context is None else self.context.prompt.model

    @property
    def text(self) -> str:
        """The reply so far."""
        return "".join(self.chunks)

    @property
    def checkpoint(self) -> LeaseCheckpoint:
        """The state that a renewal saves."""
        usage = self.usage
        return LeaseCheckpoint(
            self.reply_id, self.token, self.text, usage.has_output, usage.input_tokens, usage.output_tokens
        )

    def stop(self, reason: StopReason) -> None:
        """Cancel the work and its call to the model, unless its end is being written."""
        if self.stop_reason is None and not self.is_finishing:
            self.stop_reason = reason
            self.task.cancel()


class LeaseKeeper:
    """Holds the leases of a process; run `keep()` as long as it works on replies."""

    def __init__(self, uow: UnitOfWork, *, lease_seconds: float) -> None:
        self._uow = uow
        self.lease_seconds = lease_seconds
        self._leases: set[Lease] = set()
        self._next_renewal = 0.0

    @contextmanager
    def hold(self, reply_id: UUID, token: UUID, *, claimed_at: float) -> Iterator[Lease]:
        """Renew a lease while in this block. `claimed_at`: the monotonic time before the claim."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a lease belongs to a task")
        lease = Lease(reply_id, token, task, deadline=claimed_at + self.lease_seconds - _SAFETY_SECONDS)
        self._leases.add(lease)
        try:
            yield lease
        finally:
            self._leases.discard(lease)

    def stop_all(self) -> None:
        """Stop all work for a shutdown, so that its replies can be released."""
        for lease in tuple(self._leases):
            lease.stop(StopReason.SHUTDOWN)

    def checkpoint_soon(self) -> None:
        """Renew within a second: Redis is unavailable, so listeners can read the text only in the row."""
        self._next_renewal = min(self._next_renewal, time.monotonic() + _CHECKPOINT_SECONDS)

    async def keep(self) -> None:
        """Renew all leases three times per lease; stop work that is cancelled or whose lease is lost."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            if self._leases:
                await self._stop_cancelled()
            if now >= self._next_renewal and self._leases:
                self._next_renewal = now + self.lease_seconds / _RENEWALS_PER_LEASE
                await self._renew(tuple(self._leases))
            for lease in tuple(self._leases):
                if time.monotonic() > lease.deadline:
                    lease.stop(StopReason.LOST)

    async def _stop_cancelled(self) -> None:
        with contextlib.suppress(ServiceUnavailable, TimeoutError):
            async with (
                asyncio.timeout(self.lease_seconds / _RENEWALS_PER_LEASE),
                self._uow.autocommit() as tx,
            ):
                cancelled = await tx.leases.cancelled()
            for lease in tuple(self._leases):
                if lease.token in cancelled:
                    lease.stop(StopReason.CANCELLED)

    async def _renew(self, leases: tuple[Lease, ...]) -> None:
        renewed_at = time.monotonic()
        checkpoints = [lease.checkpoint for lease in leases]
        try:
            async with (
                asyncio.timeout(self.lease_seconds / _RENEWALS_PER_LEASE),
                self._uow.autocommit() as tx,
            ):
                held = await tx.leases.renew(checkpoints, lease_seconds=self.lease_seconds)
        except (ServiceUnavailable, TimeoutError):
            log.warning("leases_not_renewed", leases=len(leases))
            return
        for lease in leases:
            if lease.reply_id in held:
                lease.deadline = renewed_at + self.lease_seconds - _SAFETY_SECONDS
            elif lease in self._leases:
                lease.stop(StopReason.LOST)
