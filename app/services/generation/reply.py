"""The worker's use cases: claim a reply, let Gemini answer, record the end."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.errors import ServiceUnavailable
from app.gemini_client import ChatModel, ModelError, TextDelta, TokenUsage
from app.models import Message, MessageStatus
from app.redis_client.reply_events import ReplyEvents
from app.repositories.claims import ClaimedReply, ReplyJob
from app.services.generation.attempt_usage import AttemptUsage
from app.services.generation.context import ContextBuilder, learned_bytes_per_token, prompt_bytes
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
from app.services.generation.reply_reports import ReplyReports
from app.services.generation.reply_writer import ReplyWriter
from app.services.generation.retry_policy import RetryPolicy
from app.services.usage.quota import DailyQuota
from app.unit_of_work import Transaction, UnitOfWork

_TRY_AGAIN_SECONDS = 0.5

MayGoOn = Callable[[], bool]
"""Whether a process may go on with the room's next reply."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A reply that this process holds. `claimed_at`: the monotonic time before its row was claimed."""

    claimed: ClaimedReply
    claimed_at: float

    @property
    def reply(self) -> ReplyJob:
        """The reply as work."""
        return self.claimed.reply


@dataclass(frozen=True, slots=True)
class ReplyService:
    """Replies as work. Whoever claims a row holds it under a lease and ends it under the lease's token."""

    uow: UnitOfWork
    model: ChatModel
    events: ReplyEvents
    leases: LeaseKeeper
    quota: DailyQuota
    context: ContextBuilder
    follow_ups: FollowUpRunner
    reports: ReplyReports
    policy: RetryPolicy

    async def process_room(self, claim: Claim, *, may_go_on: MayGoOn) -> None:
        """Answer, and go on with the room's next replies as long as `may_go_on` says so."""
        following: Claim | None = claim
        while following is not None:
            reply = following.reply
            with structlog.contextvars.bound_contextvars(
                request_id=reply.request_id, reply_id=str(reply.id), attempt=reply.attempt
            ):
                following = await self._process_job(following, may_go_on)

    async def _process_job(self, claim: Claim, may_go_on: MayGoOn) -> Claim | None:
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
                    await self._survive(reply, lease)
                    return None
                outcome = cancelled() if lease.stop_reason is StopReason.CANCELLED else Released()
            except Exception as error:
                # Not mapped by anybody: a failed try now, rather than a lease that runs out 21 times.
                log.exception("reply_crashed", retries=reply.retries)
                outcome = self._crashed(reply, error)
            lease.is_finishing = True
            return await self._record(reply, lease, outcome, time.monotonic() - started, may_go_on)

    async def _generate(self, claim: Claim, lease: Lease) -> AnyOutcome:
        reply = claim.reply
        if reply.cancel_requested_at is not None:
            lease.chunks.append(reply.content)
            return cancelled()
        if reply.worker_losses > self.policy.max_worker_losses:
            return worker_lost()
        started, first_token, answer = time.monotonic(), None, None
        prompt = await self.context.build(claim.claimed)
        if prompt is None:
            return Released()
        log.info("reply_started", model=prompt.model, turns=len(prompt.turns))
        lease.call(prompt.model, prompt_bytes(prompt), claim.claimed.room.bytes_per_token)
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
                        answer = item
        except ModelError as error:
            lease.usage.fail(error)
            log.warning(
                "model_failed", failure=error.failure.value, reason=error.reason, retries=reply.retries
            )
            if error.retryable and reply.retries < self.policy.max_retries:
                wait = self.policy.backoff_seconds(reply.retries, not_before=error.retry_after)
                return RetryLater(wait, error.reason)
            return failed(error.failure, error.reason)
        if answer is None:
            raise RuntimeError("a stream ends with a Completion or a ModelError")
        outcome = blocked(answer) if answer.finish_reason.is_blocked else Outcome(MessageStatus.COMPLETED)
        return outcome.with_answer(
            answer,
            time_to_first_token=first_token,
            bytes_per_token=learned_bytes_per_token(prompt, answer.usage.input_tokens),
        )

    async def _survive(self, reply: ReplyJob, lease: Lease) -> None:
        """Say that this process has not died of a reply: it was too slow, frozen or cut off from the rows.

        Best effort; without it the reply may be answered apart from others.
        """
        with contextlib.suppress(ServiceUnavailable):
            await self._record_once(reply, lease, Released(), 0, lambda: False)
            async with self.uow.autocommit() as tx:
                await tx.replies.acquit(reply.id, reply.lease_token)

    def _crashed(self, reply: ReplyJob, error: Exception) -> Outcome | RetryLater:
        if reply.retries < self.policy.max_retries:
            return RetryLater(self.policy.backoff_seconds(reply.retries), type(error).__name__)
        return crashed(type(error).__name__)

    async def _record(
        self, reply: ReplyJob, lease: Lease, outcome: AnyOutcome, duration: float, may_go_on: MayGoOn
    ) -> Claim | None:
        """Write what came of it under the lease's token, again and again while the lease holds."""
        is_storable = True
        while True:
            try:
                return await self._record_once(reply, lease, outcome, duration, may_go_on)
            except ServiceUnavailable:
                # Whether the commit took effect is unknown; the token makes a second try harmless.
                if time.monotonic() + _TRY_AGAIN_SECONDS > lease.deadline:
                    log.warning("reply_not_recorded")
                    return None
                await asyncio.sleep(_TRY_AGAIN_SECONDS)
            except Exception as error:
                log.exception("reply_not_stored", retries=reply.retries)
                if not is_storable:
                    raise  # nothing of the answer is left that could be the cause
                is_storable = False
                lease.chunks.clear()
                outcome = self._crashed(reply, error)

    async def _record_once(
        self, reply: ReplyJob, lease: Lease, outcome: AnyOutcome, duration: float, may_go_on: MayGoOn
    ) -> Claim | None:
        following, claimed_at, usage = None, time.monotonic(), lease.usage
        async with self.uow.begin() as tx:
            if isinstance(outcome, Outcome):
                ended = await self._end(tx, lease, outcome, duration)
                if ended is not None and may_go_on():
                    following = await tx.claims.next_of_room(
                        reply.chatroom_id, lease_seconds=self.leases.lease_seconds
                    )
            elif isinstance(outcome, RetryLater):
                ended = await tx.replies.retry_later(
                    reply.id,
                    lease.token,
                    has_output=usage.has_output,
                    after_seconds=outcome.after_seconds,
                    reason=outcome.reason,
                )
            else:
                ended = await tx.replies.release(reply.id, lease.token, has_output=usage.has_output)
            if ended is not None:
                # Last: locks go reply, room, usage, as everywhere; another order would deadlock.
                await self.quota.settle(
                    tx, ended, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens
                )
        if ended is None:
            log.warning("reply_fenced_off")  # somebody else owns it by now, or its room is gone
            return None
        log.info("reply_recorded", status=ended.status.value, error=ended.error_code, retries=ended.retries)
        self.reports.record(ended)
        if ended.status is MessageStatus.COMPLETED:
            self.follow_ups.schedule(ended)
        return None if following is None else Claim(following, claimed_at)

    async def _end(self, tx: Transaction, lease: Lease, outcome: Outcome, duration: float) -> Message | None:
        ended = await tx.replies.end(
            lease.reply_id,
            lease.token,
            content=lease.text,
            model=lease.model,
            has_output=lease.usage.has_output,
            duration_ms=round(duration * 1000),
            **outcome.columns(),
        )
        if ended is None:
            return None
        tx.reply_ended(ended)
        if outcome.bytes_per_token is not None:
            await tx.room_contexts.learn_bytes_per_token(ended.chatroom_id, outcome.bytes_per_token)
        return ended
