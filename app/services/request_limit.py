"""The requests a minute of a person on Pro, once they are used up: refused, but 404 comes before 429."""

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
from app.services.clock import Clock
from app.unit_of_work import Transaction, UnitOfWork


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """Finds the words for a refusal. Only refused requests cost a look into the database."""

    uow: UnitOfWork
    clock: Clock

    async def refusal(self, *, user_id: UUID, ids: Mapping[str, str], retry_after: int) -> AppError:
        """What to answer a request over the limit; `ids` are those in its path, as they came.

        Whether an id exists is never told by the difference of 404 and 429: what is absent or somebody
        else's is not found, limit or no limit.
        """
        try:
            async with self.uow.single() as tx:
                missing = await self._missing(tx, user_id, ids)
        except ServiceUnavailable:
            missing = None
        if missing is not None:
            return missing
        metrics.rate_limit_refused("pro")
        return RateLimitExceeded(retry_after=retry_after)

    async def _missing(self, tx: Transaction, user_id: UUID, ids: Mapping[str, str]) -> AppError | None:
        if "session_id" in ids and not await self._has_session(tx, user_id, _uuid(ids["session_id"])):
            return SessionNotFound()
        if "chatroom_id" not in ids:
            return None
        chatroom_id = _uuid(ids["chatroom_id"])
        if chatroom_id is None or await tx.chatrooms.get_owned(chatroom_id, user_id) is None:
            return ChatroomNotFound()
        for name in ("message_id", "reply_id"):
            if name in ids:
                message_id = _uuid(ids[name])
                if message_id is None or not await tx.messages.get_owned(
                    message_id, chatroom_id=chatroom_id, user_id=user_id
                ):
                    return MessageNotFound()
        return None

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
