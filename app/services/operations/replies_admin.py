"""Replies for operators: list, show, retry and cancel them."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.errors import ReplyInProgress, ReplyNotLatest, UserNotFound
from app.errors.operations import ReplyNotFound, ReplyNotRetryable
from app.kit.clock import Clock
from app.models import Actor, Chatroom, Message, MessageStatus
from app.queue import wake_ups
from app.repositories.message import of_user
from app.repositories.reply_administration import ReplyFilter, ReplySummary
from app.services.chat.exchanges import another_reply
from app.services.generation.offered_models import OfferedModels
from app.services.generation.reply_canceller import ReplyCanceller
from app.services.operations.reply_results import (
    CancelledReplies,
    CancelledReply,
    CancelOutcome,
    RetriedReply,
    RetryOutcome,
)
from app.services.usage.quota import DailyQuota
from app.unit_of_work import AuditedTransaction, UnitOfWork

MAX_REPLIES = 10_000
"""The most replies of one list."""


@dataclass(frozen=True, slots=True)
class RepliesAdmin:
    """Replies of all users. A retry is never charged: an operator's repair costs the user nothing."""

    uow: UnitOfWork
    quota: DailyQuota
    canceller: ReplyCanceller
    models: OfferedModels
    clock: Clock

    async def find(self, wanted: ReplyFilter, *, limit: int = 50) -> list[ReplySummary]:
        """Return up to `limit` replies without their texts, newest first."""
        async with self.uow.autocommit() as tx:
            return list(
                await tx.reply_administration.find(wanted, now=self.clock(), limit=min(limit, MAX_REPLIES))
            )

    async def find_failed(
        self, *, since: timedelta, error_code: str | None = None, limit: int = MAX_REPLIES
    ) -> list[ReplySummary]:
        """Return the replies that failed at most `since` ago and were not regenerated, newest first."""
        wanted = ReplyFilter(
            statuses=frozenset({MessageStatus.FAILED}), since=since, error_code=error_code, is_current=True
        )
        return await self.find(wanted, limit=limit)

    async def get(self, *, reply_id: UUID) -> ReplySummary:
        """Return a reply without its text.

        Raises:
            ReplyNotFound: no reply has this id.
        """
        async with self.uow.autocommit() as tx:
            found = await tx.reply_administration.get(reply_id)
        if found is None:
            raise ReplyNotFound
        return found

    async def retry(self, actor: Actor, *, reply_id: UUID, reason: str | None = None) -> RetriedReply:
        """Make a waiting reply due now with all its retries, or replace a failed one by a new, uncharged one.

        Raises:
            ReplyNotFound: no reply has this id.
            ReplyInProgress: a worker holds it.
            ReplyNotLatest: it failed, and is not the newest of its room.
            ReplyNotRetryable: it has ended otherwise, or is to be cancelled.
        """
        async with self.uow.begin_audited(actor) as tx:
            reply = await self._reply(tx, reply_id)
            if reply.status is MessageStatus.PENDING:
                retried = await self._make_due(tx, reply)
            elif reply.status is MessageStatus.GENERATING:
                raise ReplyInProgress
            else:
                retried = await self._regenerate(tx, actor, reply)
            await tx.audit.record(
                "reply.retried",
                subject_type="reply",
                subject_id=reply_id,
                user_id=reply.user_id,
                reason=reason,
                details={"outcome": retried.outcome.value, "reply_id": retried.reply_id},
            )
            tx.enqueue(wake_ups.ProcessGeminiMessage(retried.reply_id, actor.request_id))
        return retried

    async def cancel(self, actor: Actor, *, reply_id: UUID, reason: str | None = None) -> CancelledReply:
        """Cancel a reply: at once if it waits, otherwise through its worker; one that has ended stays.

        Raises:
            ReplyNotFound: no reply has this id.
        """
        async with self.uow.begin_audited(actor) as tx:
            reply = await self._reply(tx, reply_id)
            if reply.status.is_final:
                tx.audit.nothing_changed()
                return CancelledReply(reply_id, CancelOutcome.ALREADY_ENDED)
            ended = await self.canceller.cancel_one(tx, reply, request_id=actor.request_id)
            outcome = CancelOutcome.REQUESTED if ended is None else CancelOutcome.CANCELLED
            await tx.audit.record(
                "reply.cancelled",
                subject_type="reply",
                subject_id=reply_id,
                user_id=reply.user_id,
                reason=reason,
                details={"outcome": outcome.value},
            )
        return CancelledReply(reply_id, outcome)

    async def cancel_all_of(
        self, actor: Actor, *, user_id: UUID, reason: str | None = None
    ) -> CancelledReplies:
        """Cancel all unfinished replies of a user, as `cancel` does.

        Raises:
            UserNotFound: no account has this id.
        """
        async with self.uow.begin_audited(actor) as tx:
            if await tx.users.get(user_id) is None:
                raise UserNotFound
            ended = await self.canceller.cancel_unlocked(tx, of_user(user_id))
            requested = await tx.reply_administration.count_cancelling(user_id)
            await tx.audit.record(
                "user.replies_cancelled",
                subject_type="user",
                subject_id=user_id,
                user_id=user_id,
                reason=reason,
                details={"cancelled": len(ended), "requested": requested},
            )
        await self.canceller.cancel_all(of_user(user_id))
        return CancelledReplies(user_id, len(ended), requested)

    async def _reply(self, tx: AuditedTransaction, reply_id: UUID) -> Message:
        reply = await tx.replies.get(reply_id)
        if reply is None or reply.reply_to is None:
            raise ReplyNotFound
        return reply

    async def _make_due(self, tx: AuditedTransaction, reply: Message) -> RetriedReply:
        if not await tx.reply_administration.make_due(reply.id):
            if reply.cancel_requested_at is not None:
                raise ReplyNotRetryable(reply_status=reply.status.value)
            raise ReplyInProgress  # a worker has claimed it since it was read
        return RetriedReply(reply.id, reply.id, RetryOutcome.DUE)

    async def _regenerate(self, tx: AuditedTransaction, actor: Actor, reply: Message) -> RetriedReply:
        if reply.status is not MessageStatus.FAILED:
            raise ReplyNotRetryable(reply_status=reply.status.value)
        # Locked, so that the user's own requests in this room, and other retries, come before or after.
        room = await tx.chatrooms.get_owned(reply.chatroom_id, reply.user_id, lock=True)
        if room is None:
            raise ReplyNotFound
        failed = await self._reply(tx, reply.id)
        if failed.superseded or failed.position != room.last_position:
            raise ReplyNotLatest("Only the newest reply of a chatroom can be retried.")
        new = await self._another(tx, actor, room, failed)
        await tx.messages.supersede(failed)
        await tx.invalidate_room_list(failed.user_id)
        tx.messages.add_reply(new)
        return RetriedReply(failed.id, new.id, RetryOutcome.REGENERATED)

    async def _another(
        self, tx: AuditedTransaction, actor: Actor, room: Chatroom, failed: Message
    ) -> Message:
        now = self.clock()
        # A concurrent ban cancels this reply, or has committed before the user's state is read.
        if await tx.user_admin.lock(failed.user_id) is None:
            raise UserNotFound
        usage = await tx.usage.status(user_id=failed.user_id, now=now)
        if usage is None:
            raise UserNotFound
        message = await tx.messages.question_of(failed)
        return another_reply(
            room,
            message,
            model=self.models.choose(room.model),
            now=now,
            charged_on=None,
            priority=self.quota.snapshot(usage, now).terms.reply_priority,
            idempotency_key=None,
            request_id=actor.request_id,
        )
