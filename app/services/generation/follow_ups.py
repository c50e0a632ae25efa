"""Follow up on completed replies in the background: give the room a title, extend its summary."""

import asyncio
import contextlib
from dataclasses import dataclass
from uuid import UUID

import structlog

from app import tracing
from app.errors import ServiceUnavailable
from app.gemini_client import ChatModel, Completion, FinishReason, ModelError, ModelFailure, Prompt, TextDelta
from app.kit.background import TaskSet
from app.kit.clock import Clock
from app.metrics.worker import gemini_failed, summary_ended, title_ended, tokens_used
from app.models import Message, TitleSource
from app.repositories.room_context import HistorySize, PastExchange, RoomContext
from app.services.generation.context import ReplyContext, text_bytes
from app.services.generation.offered_models import OfferedModels
from app.services.generation.summary import SummaryBatch, SummaryPolicy
from app.services.generation.title import title_from, title_prompt
from app.unit_of_work import UnitOfWork

_TITLE_SECONDS = 30.0
_SUMMARY_SECONDS = 90.0
_EXCHANGES_AT_ONCE = 60
_CALLS_AT_ONCE = 10
_CLOSING_SECONDS = 2.0
_MAX_ROOMS = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Untitled:
    """A room whose title is its first words."""

    room_id: UUID
    model: str
    first: PastExchange


@dataclass(frozen=True, slots=True)
class RoomFollowUp:
    """The follow-up of one completed reply: one attempt, without charge, and with no lock during the call."""

    uow: UnitOfWork
    model: ChatModel
    policy: SummaryPolicy
    clock: Clock
    models: OfferedModels

    def may_be_due(self, reply: Message, context: ReplyContext) -> bool:
        """Return whether a follow-up may be due, by what the worker has read for this reply."""
        if context.history is None:
            return True
        own_bytes = text_bytes(context.prompt.turns[-1].text, reply.content)
        history = HistorySize(context.history.exchanges + 1, context.history.text_bytes + own_bytes)
        return _lacks_title(context.room, history) or self.policy.excess(context.room, history) > 0

    async def run(self, reply: Message) -> None:
        """Give the room a title or extend its summary, if due; failures are only logged."""
        try:
            todo = await self._find(reply)
            if isinstance(todo, _Untitled):
                async with tracing.span("title room"):
                    await self._set_title(todo)
            elif isinstance(todo, SummaryBatch):
                async with tracing.span("summarize room"):
                    await self._extend_summary(todo)
        except ServiceUnavailable:
            log.warning("follow_up_failed", failure="service_unavailable")

    async def _find(self, reply: Message) -> _Untitled | SummaryBatch | None:
        async with self.uow.autocommit() as tx:
            room = await tx.room_contexts.get_context(reply.chatroom_id)
            if room is None:
                return None
            model = self.models.choose(room.named_model)
            before, after = reply.position + 1, room.summarized_through
            history = await tx.room_contexts.history_size(room.id, after=after, before=before)
            if _lacks_title(room, history):
                [first] = await tx.room_contexts.oldest_exchanges(
                    room.id, after=after, before=before, limit=1
                )
                return _Untitled(room.id, model, first)
            if (excess := self.policy.excess(room, history)) <= 0:
                return None
            # Without the newest exchange: its reply may be regenerated, and is then no part of the context.
            oldest = await tx.room_contexts.oldest_exchanges(
                room.id, after=after, before=reply.position, limit=_EXCHANGES_AT_ONCE
            )
            return self.policy.next_batch(room, oldest, excess=excess, model=model)

    async def _set_title(self, room: _Untitled) -> None:
        try:
            title = title_from(await self._complete(title_prompt(room.model, room.first), _TITLE_SECONDS))
        except ModelError as error:
            log.warning("title_failed", failure=error.failure.value, reason=error.reason)
            title_ended("failed")
            return
        if not title:
            title_ended("empty")
            return
        async with self.uow.begin() as tx:
            owner = await tx.room_contexts.replace_placeholder_title(room.room_id, title, now=self.clock())
            if owner is not None:
                tx.invalidate_room_list(owner)
        title_ended("outdated" if owner is None else "stored")
        log.info("title_outdated" if owner is None else "title_given", chatroom_id=str(room.room_id))

    async def _extend_summary(self, batch: SummaryBatch) -> None:
        try:
            summary = await self._complete(self.policy.prompt(batch), _SUMMARY_SECONDS)
        except ModelError as error:
            log.warning("summary_failed", failure=error.failure.value, reason=error.reason)
            summary_ended("failed")
            return
        if not summary:
            summary_ended("empty")
            return
        async with self.uow.begin() as tx:
            is_kept = await tx.room_contexts.extend_summary(
                batch.room_id, summary, old_end=batch.old_upto, new_end=batch.upto
            )
        summary_ended("stored" if is_kept else "outdated")
        log.info(
            "summary_extended" if is_kept else "summary_outdated",
            chatroom_id=str(batch.room_id),
            exchanges=len(batch.exchanges),
            upto=batch.upto,
        )

    async def _complete(self, prompt: Prompt, seconds: float) -> str:
        """Return the complete answer of the model to one attempt.

        Raises:
            ModelError: the answer failed or is incomplete; half a summary would lose the newest exchanges.
        """
        chunks: list[str] = []
        finish = FinishReason.OTHER
        try:
            async with asyncio.timeout(seconds), contextlib.aclosing(self.model.stream(prompt)) as items:
                async for item in items:
                    if isinstance(item, TextDelta):
                        chunks.append(item.text)
                    elif isinstance(item, Completion):
                        finish = item.finish_reason
                        usage = item.usage
                        tokens_used(
                            prompt.model,
                            input_tokens=usage.input_tokens,
                            output_tokens=usage.output_tokens,
                            thinking_tokens=usage.thinking_tokens,
                        )
        except TimeoutError as error:
            gemini_failed("timeout")
            reason = f"no answer in {seconds:g} s"
            raise ModelError(ModelFailure.TIMEOUT, reason, retryable=False) from error
        if finish is not FinishReason.STOP:
            raise ModelError(ModelFailure.INTERRUPTED, f"finished with {finish}", retryable=False)
        return "".join(chunks).strip()


def _lacks_title(room: RoomContext, history: HistorySize) -> bool:
    """Return whether the only exchange of a room is the one that it is to be named after."""
    is_first = history.exchanges == 1 and room.summarized_through == 0
    return is_first and room.title_source is TitleSource.FIRST_WORDS


class FollowUpRunner:
    """Runs follow-ups in the background: ten calls at once, at most 200 rooms, one per room."""

    def __init__(self, follow_up: RoomFollowUp) -> None:
        self._follow_up = follow_up
        self._rooms: set[UUID] = set()
        self._tasks = TaskSet("follow-ups")
        self._slots = asyncio.Semaphore(_CALLS_AT_ONCE)

    def schedule(self, reply: Message, context: ReplyContext) -> None:
        """Schedule the follow-up of a completed reply and return at once, unless none can be due.

        It is dropped if too many wait.
        """
        room_id = reply.chatroom_id
        if room_id in self._rooms or not self._follow_up.may_be_due(reply, context):
            return  # the room's next reply schedules the next one
        if len(self._rooms) >= _MAX_ROOMS:
            log.warning("follow_up_dropped", chatroom_id=str(room_id))
            return
        self._rooms.add(room_id)
        self._tasks.start(self._run(reply))

    async def aclose(self) -> None:
        """Cancel all follow-ups: a later reply repeats them, and a shutdown does not wait for them."""
        await self._tasks.close(_CLOSING_SECONDS)

    async def _run(self, reply: Message) -> None:
        try:
            async with self._slots:
                await self._follow_up.run(reply)
        except Exception:
            log.exception("follow_up_crashed", chatroom_id=str(reply.chatroom_id))
        finally:
            self._rooms.discard(reply.chatroom_id)
