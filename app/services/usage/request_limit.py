"""Refuse a user whose requests of the minute are used up; 404 comes before 429."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app import metrics
from app.errors import (
    AppError,
    ChatroomNotFound,
    MessageNotFound,
    RateLimitExceeded,
    ServiceUnavailable,
    SessionNotFound,
)
from app.kit.clock import Clock
from app.models import Plan
from app.services.ownership import own_message, own_room
from app.unit_of_work import Transaction, UnitOfWork


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """Finds the words for a refusal. Only refused requests cost a look into the database."""

    uow: UnitOfWork
    clock: Clock

    async def refusal(
        self, *, user_id: UUID, plan: Plan, ids: Mapping[str, str], retry_after: int
    ) -> AppError:
        """What to answer a request over the limit; `ids` are those in its path, as they came.

        Whether an id exists is never told by the difference of 404 and 429: what is absent or somebody
        else's is not found, limit or no limit.
        """
        if missing := await self.missing(user_id=user_id, ids=ids):
            return missing
        metrics.rate_limit_refused(plan.value)
        return RateLimitExceeded(retry_after=retry_after)

    async def missing(self, *, user_id: UUID, ids: Mapping[str, str]) -> AppError | None:
        """The failure of a path whose ids are not all the user's; None if they are, or nobody knows."""
        try:
            async with self.uow.autocommit() as tx:
                await self._look_up(tx, user_id, ids)
        except (SessionNotFound, ChatroomNotFound, MessageNotFound) as missing:
            return missing
        except ServiceUnavailable:
            pass  # of what cannot be looked up nothing is told
        return None

    async def _look_up(self, tx: Transaction, user_id: UUID, ids: Mapping[str, str]) -> None:
        if "session_id" in ids and not await self._has_session(tx, user_id, _uuid(ids["session_id"])):
            raise SessionNotFound
        if "chatroom_id" not in ids:
            return
        if (chatroom_id := _uuid(ids["chatroom_id"])) is None:
            raise ChatroomNotFound
        await own_room(tx, user_id, chatroom_id)
        for name in ids.keys() & {"message_id", "reply_id"}:
            if (message_id := _uuid(ids[name])) is None:
                raise MessageNotFound
            await own_message(tx, user_id, chatroom_id, message_id)

    async def _has_session(self, tx: Transaction, user_id: UUID, session_id: UUID | None) -> bool:
        if session_id is None:
            return False
        now = self.clock()
        return await tx.sessions.find_open(session_id=session_id, user_id=user_id, now=now) is not None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
