"""Count requests, and reject those over the limit of their address or their user."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app import metrics
from app.errors import (
    NOT_FOUND_BY_PARAMETER,
    AppError,
    ChatroomNotFound,
    MessageNotFound,
    RateLimitExceeded,
    ServiceUnavailable,
    SessionNotFound,
)
from app.kit.clock import Clock
from app.models import Plan
from app.rate_limiter import CountedRequest, RateLimiter, counts_on_user, is_exempt
from app.services.ownership import own_message, own_room
from app.unit_of_work import Transaction, UnitOfWork


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """Counts requests and rejects those over a limit. Only rejections read the database."""

    limiter: RateLimiter
    uow: UnitOfWork
    clock: Clock

    async def count(
        self, *, method: str, path: str, address: str, user_id: UUID | None, plan: Plan | None
    ) -> CountedRequest:
        """Count a request on its address and on its user, unless the path is exempt.

        `plan` is the user's plan, or None if it is not known yet.
        """
        if is_exempt(path):
            return CountedRequest()
        counted_user = user_id if counts_on_user(method, path) else None
        return await self.limiter.count(address=address, user_id=counted_user, plan=plan)

    def require_address(self, counted: CountedRequest) -> None:
        """Reject the request if its address is over the limit.

        Raises:
            RateLimitExceeded: the address made too many requests in the last minute.
        """
        for state in counted.applied[:1]:
            if not state.is_admitted:
                metrics.rate_limit_refused("ip")
                raise RateLimitExceeded(retry_after=state.reset_seconds)

    async def require_user(
        self, counted: CountedRequest, *, user_id: UUID, plan: Plan, ids: Mapping[str, str]
    ) -> None:
        """Reject the request if its user is over the limit of the plan; `ids` are the raw ids in the path.

        404 comes before 429, so that the difference does not reveal whether an id of another user exists.

        Raises:
            RateLimitExceeded: the user made too many requests in the last minute.
            ChatroomNotFound, MessageNotFound, SessionNotFound: likewise, and an id is not the user's.
        """
        state = counted.by_plan.get(plan)
        if state is None or state.is_admitted:
            return
        if missing := await self.missing(user_id=user_id, ids=ids):
            raise missing
        metrics.rate_limit_refused(plan.value)
        raise RateLimitExceeded(retry_after=state.reset_seconds)

    async def missing(self, *, user_id: UUID, ids: Mapping[str, str]) -> AppError | None:
        """Return the 404 error for an id in the path that is not the user's; None if the database is down."""
        try:
            async with self.uow.autocommit() as tx:
                await self._look_up(tx, user_id, ids)
        except (SessionNotFound, ChatroomNotFound, MessageNotFound) as missing:
            return missing
        except ServiceUnavailable:
            pass  # the caller answers with its own rejection
        return None

    async def _look_up(self, tx: Transaction, user_id: UUID, ids: Mapping[str, str]) -> None:
        if "session_id" in ids:
            session_id, now = _parse_id(ids, "session_id"), self.clock()
            if await tx.sessions.find_open(session_id=session_id, user_id=user_id, now=now) is None:
                raise SessionNotFound
        if "chatroom_id" in ids:
            chatroom_id = _parse_id(ids, "chatroom_id")
            await own_room(tx, user_id, chatroom_id)
            for name in ids.keys() & {"message_id", "reply_id"}:
                await own_message(tx, user_id, chatroom_id, _parse_id(ids, name))


def _parse_id(ids: Mapping[str, str], name: str) -> UUID:
    try:
        return UUID(ids[name])
    except ValueError:
        raise NOT_FOUND_BY_PARAMETER[name] from None
