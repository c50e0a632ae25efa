"""Process claimed replies: call the model under a lease, and record the outcome."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app import tracing
from app.errors import ServiceUnavailable
from app.gemini_client import ChatModel, ModelError, TextDelta, TokenUsage
from app.metrics.worker import reply_claimed
from app.models import Message, MessageStatus
from app.redis_client.reply_events import ReplyEvents
from app.repositories.claims import ClaimedReply, ReplyJob
from app.services.generation.attempt_context import attempt_context, trace_outcome
from app.services.generation.attempt_usage import AttemptUsage
from app.services.generation.context import ContextBuilder
from app.services.generation.follow_ups import FollowUpRunner
from app.services.generation.leases import Lease, LeaseKeeper, StopReason
from app.services.generation.outcomes import (
    AnyOutcome,
    Outcome,
    Released,
    RetryLater,
    blocked,
    cancelled,
    crashed,
    failed,
    worker_lost,
)
from app.services.generation.reply_log import log_recorded
from app.services.generation.reply_metrics import attempt_recorded
from app.services.generation.reply_reports import ReplyReports
from app.services.generation.reply_writer import ReplyWriter
from app.services.generation.retry_policy import RetryPolicy
from app.services.usage.quota import DailyQuota
from app.unit_of_work import Transaction, UnitOfWork

_RETRY_SECONDS = 0.5

MayContinue = Callable[[], bool]
"""Whether a process may continue with the room's next reply."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A reply that this process holds. `claimed_at`: the monotonic time before the claim."""

    claimed: ClaimedReply
    claimed_at: float

    @property
    def reply(self) -> ReplyJob:
        """The reply as a job."""
        return self.claimed.reply


@dataclass(frozen=True, slots=True)
class ReplyService:
    """Processes replies. A process holds a claimed row under a lease, and ends it with the lease's token."""

    uow: UnitOfWork
    model: ChatModel
    events: ReplyEvents
    leases: LeaseKeeper
    quota: DailyQuota
    context: ContextBuilder
    follow_ups: FollowUpRunner
    reports: ReplyReports
    policy: RetryPolicy

    async def process_room(self, claim: Claim, *, may_continue: MayContinue) -> None:
        """Process a reply, then the next replies of its room as long as `may_continue` allows."""
        current: Claim | None = claim
        while current is not None:
            reply_claimed(current.reply.waited_seconds)
            with attempt_context(current.reply, claimed_at=current.claimed_at):
                current = await self._process_job(current, may_continue)

    async def _process_job(self, claim: Claim, may_continue: MayContinue) -> Claim | None:
        reply = claim.reply
        with self.leases.hold(reply.id, reply.lease_token, claimed_at=claim.claimed_at) as lease:
            started = time.monotonic()
            lease.usage = AttemptUsage(reply.uncounted_input_tokens, reply.uncounted_output_tokens)
            try:
                outcome = await self._generate(claim, lease)
            except ServiceUnavailable:
                outcome = Released()
            except asyncio.CancelledError:
                if lease.stop_reason is None:
                    raise
                lease.task.uncancel()
                if lease.stop_reason is StopReason.LOST:
                    log.warning("reply_lease_lost")
                    await self._report_alive(reply, lease)
                    return None
                outcome = cancelled() if lease.stop_reason is StopReason.CANCELLED else Released()
            except Exception as error:
                # Unexpected: a failed attempt now, rather than a lease that expires again and again.
                log.exception("reply_crashed", retries=reply.retries)
                outcome = self._outcome_of_crash(reply, error)
            lease.is_finishing = True
            return await self._record(reply, lease, outcome, time.monotonic() - started, may_continue)

    async def _generate(self, claim: Claim, lease: Lease) -> AnyOutcome:
        reply = claim.reply
        if reply.cancel_requested_at is not None:
            lease.chunks.append(reply.content)
            return cancelled()
        if reply.worker_losses > self.policy.max_worker_losses:
            return worker_lost()
        started, first_token, completion = time.monotonic(), None, None
        context = await self.context.build(claim.claimed)
        if context is None:
            return Released()
        prompt = context.prompt
        log.info("reply_started", model=prompt.model, turns=len(prompt.turns))
        lease.call(context)
        writer = ReplyWriter(self.events, self.leases, lease, attempt=reply.attempt)
        try:
            async with writer.running(), contextlib.aclosing(self.model.stream(prompt)) as items:
                async for item in items:
                    if isinstance(item, TextDelta):
                        first_token = first_token or time.monotonic() - started
                        lease.chunks.append(item.text)
                        lease.usage.add_text(item.text)
                        writer.grown()
                    elif isinstance(item, TokenUsage):
                        lease.usage.add_counts(item)
                    else:
                        completion = item
        except ModelError as error:
            lease.usage.fail(error)
            log.warning(
                "model_failed", failure=error.failure.value, reason=error.reason, retries=reply.retries
            )
            if error.retryable and reply.retries < self.policy.max_retries:
                wait = self.policy.backoff_seconds(reply.retries, not_before=error.retry_after)
                return RetryLater(wait, error.reason)
            return failed(error.failure, error.reason)
        if completion is None:
            raise RuntimeError("a stream ends with a Completion or a ModelError")
        lease.context = learned = context.learned(completion.usage.input_tokens)
        outcome = (
            blocked(completion) if completion.finish_reason.is_blocked else Outcome(MessageStatus.COMPLETED)
        )
        return outcome.with_completion(
            completion,
            time_to_first_token=first_token,
            bytes_per_token=None if learned is context else learned.room.bytes_per_token,
        )

    async def _report_alive(self, reply: ReplyJob, lease: Lease) -> None:
        """Uncount a lost lease: this process was slow, stalled or cut off from the database, but not killed.

        Best effort: without it the reply may be quarantined.
        """
        with contextlib.suppress(ServiceUnavailable):
            await self._record_once(reply, lease, Released(), 0, lambda: False)
            async with self.uow.autocommit() as tx:
                await tx.leases.forgive_expiry(reply.id, reply.lease_token)

    def _outcome_of_crash(self, reply: ReplyJob, error: Exception) -> Outcome | RetryLater:
        if reply.retries < self.policy.max_retries:
            return RetryLater(self.policy.backoff_seconds(reply.retries), type(error).__name__)
        return crashed(type(error).__name__)

    async def _record(
        self, reply: ReplyJob, lease: Lease, outcome: AnyOutcome, duration: float, may_continue: MayContinue
    ) -> Claim | None:
        """Record the outcome with the lease's token; retry until the lease expires."""
        is_storable = True
        while True:
            try:
                return await self._record_once(reply, lease, outcome, duration, may_continue)
            except ServiceUnavailable:
                # The commit may have taken effect; the token makes a retry harmless.
                if time.monotonic() + _RETRY_SECONDS > lease.deadline:
                    log.warning("reply_not_recorded")
                    return None
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as error:
                log.exception("reply_not_stored", retries=reply.retries)
                if not is_storable:
                    raise  # the answer was removed already, so it is not the cause
                is_storable = False
                lease.chunks.clear()
                outcome = self._outcome_of_crash(reply, error)

    async def _record_once(
        self, reply: ReplyJob, lease: Lease, outcome: AnyOutcome, duration: float, may_continue: MayContinue
    ) -> Claim | None:
        following, claimed_at, usage = None, time.monotonic(), lease.usage
        async with tracing.span("record reply"), self.uow.begin() as tx:
            if isinstance(outcome, Outcome):
                ended = await self._end(tx, lease, outcome, duration)
                if ended is not None and may_continue():
                    following = await tx.claims.next_of_room(
                        reply.chatroom_id, lease_seconds=self.leases.lease_seconds
                    )
            elif isinstance(outcome, RetryLater):
                ended = await tx.leases.retry(
                    reply.id,
                    lease.token,
                    has_output=usage.has_output,
                    after_seconds=outcome.after_seconds,
                    reason=outcome.reason,
                )
            else:
                ended = await tx.leases.release(reply.id, lease.token, has_output=usage.has_output)
            if ended is not None:
                # Last: the lock order is reply, room, usage everywhere; another order could deadlock.
                await self.quota.settle(
                    tx, ended, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens
                )
        if ended is None:
            log.warning("reply_fenced_off")  # another process holds it, or its room is deleted
            tracing.annotate(outcome="lost")
            return None
        log_recorded(ended, model=lease.model, seconds=duration)
        attempt_recorded(outcome, lease, ended)
        trace_outcome(outcome, ended, lease)
        self.reports.record(ended)
        if ended.status is MessageStatus.COMPLETED and lease.context is not None:
            self.follow_ups.schedule(ended, lease.context)
        return None if following is None else Claim(following, claimed_at)

    async def _end(self, tx: Transaction, lease: Lease, outcome: Outcome, duration: float) -> Message | None:
        end = outcome.as_end(content=lease.text, model=lease.model, duration=duration)
        ended = await tx.leases.end(lease.reply_id, lease.token, end, has_output=lease.usage.has_output)
        if ended is None:
            return None
        tx.reply_ended(ended)
        if outcome.bytes_per_token is not None:
            await tx.room_contexts.learn_bytes_per_token(ended.chatroom_id, outcome.bytes_per_token)
        return ended
