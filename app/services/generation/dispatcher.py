"""Decide which replies a worker process claims: a wake-up only wakes it, the order of the queue decides."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterable
from uuid import UUID

import structlog

from app.errors import ServiceUnavailable
from app.metrics.worker import replies_in_progress
from app.repositories.claims import ClaimLimits, ReplyJob
from app.services.generation.quarantine import Quarantine
from app.services.generation.reply import Claim, ReplyService
from app.services.generation.worker_slots import WorkerSlots
from app.unit_of_work import UnitOfWork

_UNCLAIMED_SECONDS = 2.0
_PAUSE_FACTOR = 3.0
_MAX_PAUSE_SECONDS = 1.0

log = structlog.get_logger(__name__)

Start = Callable[[Coroutine[object, object, None]], object]
"""Starts work in the background."""


class ReplyDispatcher:
    """Fills the slots of a process with replies that are due.

    While slots are free and no reply is known to wait, the reply that a wake-up names is claimed at once.
    Once all slots are occupied, replies may be waiting: then wake-ups only wake, and replies are claimed in
    the order of the queue until it has none left for this process.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        replies: ReplyService,
        slots: WorkerSlots,
        *,
        lease_seconds: float,
        poll_seconds: float,
        start: Start,
    ) -> None:
        self._uow = uow
        self._replies = replies
        self._slots = slots
        self._quarantine = Quarantine(uow, lease_seconds=lease_seconds)
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._start = start
        self._wake = asyncio.Event()
        self._named: dict[UUID, asyncio.Event] = {}
        """Wake-ups by reply; its event is set when this process is done with the reply."""
        self._deferred: list[asyncio.Event] = []
        self._may_be_queued = False
        self._was_share_freed = False
        """Whether a user that held its share has freed a slot since the latest claim began."""
        self._paused_until = 0.0
        self._is_draining = False

    async def process(self, reply_id: UUID) -> None:
        """Claim a reply if it is due, and return when this process is done with it.

        In a process without a free slot this returns once there is one: until then other processes should
        receive the next wake-ups.
        """
        if self._is_draining:
            return
        done = self._named.setdefault(reply_id, asyncio.Event())
        self._wake.set()
        await done.wait()

    def drain(self) -> None:
        """Stop claiming, and end all calls of `process` that wait for a claim."""
        self._is_draining = True
        self._wake.set()
        _set_all(self._named.values())
        _set_all(self._deferred)

    async def run(self) -> None:
        """Claim replies until the process drains: when woken, when a slot is freed, and by polling."""
        next_poll = time.monotonic()
        while not self._is_draining:
            is_poll = await self._wait_until(next_poll)
            if is_poll:
                next_poll = time.monotonic() + self._poll_seconds * random.uniform(0.75, 1.25)  # noqa: S311  # spreads load
            try:
                await self._claim(is_poll=is_poll)
            except ServiceUnavailable:
                self._pause(_MAX_PAUSE_SECONDS)  # the rows stay pending
            if not self._may_be_queued:
                _set_all(self._deferred)
                self._deferred = []

    async def _wait_until(self, next_poll: float) -> bool:
        """Wait for a wake-up or the next poll; return whether it is time to poll."""
        try:
            async with asyncio.timeout(max(next_poll - time.monotonic(), 0)):
                await self._wake.wait()
                if self._may_be_queued:
                    await asyncio.sleep(self._paused_until - time.monotonic())
        except TimeoutError:
            return True
        return False

    async def _claim(self, *, is_poll: bool) -> None:
        self._wake.clear()
        if self._is_draining:
            return
        named, self._named = self._named, {}
        if self._may_be_queued or self._quarantine.is_closed:
            self._deferred += named.values()
            self._may_be_queued = True
        elif named:
            await self._claim_named(named)
        if is_poll or self._may_be_queued:
            await self._claim_due()
        if is_poll or (self._quarantine.is_awaited and self._slots.is_empty):
            suspect = await self._quarantine.claim(is_empty=self._slots.is_empty)
            if suspect is not None:
                log.info("reply_suspected", **_named(suspect.reply))
                self._begin(suspect)

    async def _claim_named(self, named: dict[UUID, asyncio.Event]) -> None:
        """Claim the replies that wake-ups name, in one statement.

        A reply that is not claimed here is held by another process or not due; its row stays in the queue.
        """
        claimed_at, limits = time.monotonic(), self._slots.limits()
        try:
            async with self._uow.autocommit() as tx:  # every round trip delays the first token
                claimed = await tx.claims.named(list(named), limits, lease_seconds=self._lease_seconds)
            for reply in claimed:
                self._begin(Claim(reply, claimed_at), named.pop(reply.reply.id))
            self._continue_if_filled(len(claimed), limits)
        finally:
            _set_all(named.values())

    async def _claim_due(self) -> None:
        """Fill the free slots in the order of the queue; a slot that is freed leads here again."""
        limits = self._slots.limits()
        if self._quarantine.is_closed or not limits.slots:
            self._may_be_queued = True
            return
        claimed_at, self._was_share_freed = time.monotonic(), False
        async with self._uow.autocommit() as tx:
            claimed = await tx.claims.due(
                limits,
                lease_seconds=self._lease_seconds,
                unclaimed_seconds=0 if self._may_be_queued else _UNCLAIMED_SECONDS,
            )
        claims = [Claim(reply, claimed_at) for reply in claimed]  # committed only now
        # The longer the queue, the slower the claim: let more slots become free before the next one.
        self._pause((time.monotonic() - claimed_at) * _PAUSE_FACTOR)
        self._may_be_queued = self._was_share_freed
        for claim in claims:
            log.info("reply_rescued", **_named(claim.reply))
            self._begin(claim)
        self._continue_if_filled(len(claims), limits)

    def _continue_if_filled(self, claimed: int, limits: ClaimLimits) -> None:
        """Claim again at once after a claim that filled its limit: more replies may be due."""
        if claimed == limits.slots:
            self._may_be_queued = True
            self._wake.set()

    def _begin(self, claim: Claim, done: asyncio.Event | None = None) -> None:
        self._slots.occupy(claim.reply.user_id)
        replies_in_progress.inc()
        if not self._slots.free:
            self._may_be_queued = True
        self._start(self._work(claim, done))

    async def _work(self, claim: Claim, done: asyncio.Event | None) -> None:
        user_id = claim.reply.user_id
        try:
            await self._replies.process_room(claim, may_continue=lambda: self._may_continue(user_id))
        finally:
            replies_in_progress.dec()
            if self._slots.release(user_id):
                self._may_be_queued = self._was_share_freed = True
            self._quarantine.ended(claim.reply.id)
            if self._may_be_queued or self._quarantine.is_awaited:
                self._wake.set()
            if done is not None:
                done.set()

    def _may_continue(self, user_id: UUID) -> bool:
        """Return whether a slot may pass to the next reply of the room without reading the queue."""
        return not (
            self._is_draining
            or self._may_be_queued
            or self._quarantine.is_closed
            or not self._slots.is_within_share(user_id)
        )

    def _pause(self, seconds: float) -> None:
        self._paused_until = time.monotonic() + min(seconds, _MAX_PAUSE_SECONDS)


def _named(reply: ReplyJob) -> dict[str, object]:
    """Return what a line about a reply names before its work begins."""
    return {
        "request_id": reply.request_id,
        "user_id": str(reply.user_id),
        "chatroom_id": str(reply.chatroom_id),
        "reply_id": str(reply.id),
        "worker_losses": reply.worker_losses,
    }


def _set_all(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        event.set()
