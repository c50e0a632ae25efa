"""Decides which replies a worker process takes: wake-ups only wake, the order of the queue decides."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterable
from uuid import UUID

import structlog

from app.errors import ServiceUnavailable
from app.repositories.claims import ClaimLimits
from app.services.generation.quarantine import Quarantine
from app.services.generation.reply import Claim, ReplyService
from app.services.generation.worker_slots import WorkerSlots
from app.unit_of_work import UnitOfWork

_UNCLAIMED_SECONDS = 2.0
_REST_FACTOR = 3.0
_LONGEST_REST_SECONDS = 1.0

log = structlog.get_logger(__name__)

Start = Callable[[Coroutine[object, object, None]], object]
"""Begins work in the background."""


class ReplyDispatcher:
    """Fills the places of a process with replies that are due.

    While places are free and nobody is known to wait, the reply that a wake-up names is claimed at once.
    Once all places are taken, others may wait: from then on wake-ups only wake, and the order of the queue
    decides what is claimed next, until it has nothing left for this process.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        replies: ReplyService,
        places: WorkerSlots,
        *,
        lease_seconds: float,
        poll_seconds: float,
        start: Start,
    ) -> None:
        self._uow = uow
        self._replies = replies
        self._places = places
        self._quarantine = Quarantine(uow, lease_seconds=lease_seconds)
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._start = start
        self._wake = asyncio.Event()
        self._named: dict[UUID, asyncio.Event] = {}
        """Wake-ups by reply; an event is set when nothing more is to be done about it."""
        self._waiting: list[asyncio.Event] = []
        self._others_may_wait = False
        self._was_share_freed = False
        """Whether a user that held its share has given a place back since the latest claim began."""
        self._rest_until = 0.0
        self._is_draining = False

    async def answer(self, reply_id: UUID) -> None:
        """Have a reply claimed if it is due, and return when the work on it is done.

        In a process without a free place this returns once there is one: until then the next wake-ups are
        better taken by other processes.
        """
        if self._is_draining:
            return
        done = self._named.setdefault(reply_id, asyncio.Event())
        self._wake.set()
        await done.wait()

    def drain(self) -> None:
        """Claim nothing more, and end all waiting for it."""
        self._is_draining = True
        self._wake.set()
        _set_all(self._named.values())
        _set_all(self._waiting)

    async def run(self) -> None:
        """Claim replies until the process drains: when woken, when a place is given back, and by polling."""
        next_poll = time.monotonic()
        while not self._is_draining:
            is_poll = await self._wait_until(next_poll)
            if is_poll:
                next_poll = time.monotonic() + self._poll_seconds * random.uniform(0.75, 1.25)  # noqa: S311  # spreads load
            try:
                await self._claim(is_poll=is_poll)
            except ServiceUnavailable:
                self._rest(_LONGEST_REST_SECONDS)  # the rows wait
            if not self._others_may_wait:
                _set_all(self._waiting)
                self._waiting = []

    async def _wait_until(self, next_poll: float) -> bool:
        """Return False when there is a reason to look at the queue, True when it is time to poll."""
        try:
            async with asyncio.timeout(max(next_poll - time.monotonic(), 0)):
                await self._wake.wait()
                if self._others_may_wait:
                    await asyncio.sleep(self._rest_until - time.monotonic())
        except TimeoutError:
            return True
        return False

    async def _claim(self, *, is_poll: bool) -> None:
        self._wake.clear()
        if self._is_draining:
            return
        named, self._named = self._named, {}
        if self._others_may_wait or self._quarantine.is_closed:
            self._waiting += named.values()
            self._others_may_wait = True
        elif named:
            await self._claim_named(named)
        if is_poll or self._others_may_wait:
            await self._claim_due()
        if is_poll or (self._quarantine.is_awaited and self._places.is_empty):
            suspect = await self._quarantine.claim(is_empty=self._places.is_empty)
            if suspect is not None:
                log.info(
                    "reply_suspected",
                    reply_id=str(suspect.reply.id),
                    worker_losses=suspect.reply.worker_losses,
                )
                self._begin(suspect)

    async def _claim_named(self, named: dict[UUID, asyncio.Event]) -> None:
        """Claim the replies that wake-ups name, by one statement; the next wake-ups gather meanwhile.

        What is not claimed is held by another process, or its turn has not come: its row waits.
        """
        claimed_at, limits = time.monotonic(), self._places.limits()
        try:
            async with self._uow.autocommit() as tx:  # every round trip delays the first word
                claimed = await tx.claims.named(list(named), limits, lease_seconds=self._lease_seconds)
            for one in claimed:
                self._begin(Claim(one, claimed_at), named.pop(one.reply.id))
            self._note_filled(len(claimed), limits)
        finally:
            _set_all(named.values())

    async def _claim_due(self) -> None:
        """Fill the free places by the order of the queue; a place that is given back leads here again."""
        limits = self._places.limits()
        if self._quarantine.is_closed or not limits.places:
            self._others_may_wait = True
            return
        claimed_at, self._was_share_freed = time.monotonic(), False
        async with self._uow.autocommit() as tx:
            claimed = await tx.claims.due(
                limits,
                lease_seconds=self._lease_seconds,
                unclaimed_seconds=0 if self._others_may_wait else _UNCLAIMED_SECONDS,
            )
        claims = [Claim(one, claimed_at) for one in claimed]  # only now is it committed
        # The longer the queue, the dearer a claim: meanwhile more places are given back for the next one.
        self._rest((time.monotonic() - claimed_at) * _REST_FACTOR)
        self._others_may_wait = self._was_share_freed
        for claim in claims:
            log.info("reply_rescued", reply_id=str(claim.reply.id), worker_losses=claim.reply.worker_losses)
            self._begin(claim)
        self._note_filled(len(claims), limits)

    def _note_filled(self, claimed: int, limits: ClaimLimits) -> None:
        """After a claim that took all that it might, claim again at once: more may wait."""
        if claimed == limits.places:
            self._others_may_wait = True
            self._wake.set()

    def _begin(self, claim: Claim, done: asyncio.Event | None = None) -> None:
        self._places.take(claim.reply.user_id)
        if not self._places.free:
            self._others_may_wait = True
        self._start(self._work(claim, done))

    async def _work(self, claim: Claim, done: asyncio.Event | None) -> None:
        user_id = claim.reply.user_id
        try:
            await self._replies.process_room(claim, may_go_on=lambda: self._may_go_on(user_id))
        finally:
            if self._places.release(user_id):
                self._others_may_wait = self._was_share_freed = True
            self._quarantine.ended(claim.reply.id)
            if self._others_may_wait or self._quarantine.is_awaited:
                self._wake.set()
            if done is not None:
                done.set()

    def _may_go_on(self, user_id: UUID) -> bool:
        """Whether a place may pass to the room's next reply, without a look at the others that wait."""
        return not (
            self._is_draining
            or self._others_may_wait
            or self._quarantine.is_closed
            or not self._places.is_within_share(user_id)
        )

    def _rest(self, seconds: float) -> None:
        self._rest_until = time.monotonic() + min(seconds, _LONGEST_REST_SECONDS)


def _set_all(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        event.set()
