"""Errors about chatrooms, messages and the daily quota."""

from datetime import datetime
from http import HTTPStatus

from app.errors.base import AppError


class ChatroomNotFound(AppError):
    """The user has no chatroom with this id."""

    status = HTTPStatus.NOT_FOUND
    code = "chatroom_not_found"
    detail = "You have no chatroom with this id."


class MessageNotFound(AppError):
    """The chatroom has no message with this id."""

    status = HTTPStatus.NOT_FOUND
    code = "message_not_found"
    detail = "This chatroom has no message with this id."


class IdempotencyKeyReused(AppError):
    """The key was used with another body or path."""

    status = HTTPStatus.CONFLICT
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used for a different request."


class ReplyNotLatest(AppError):
    """Only the newest reply of a chatroom can be regenerated."""

    status = HTTPStatus.CONFLICT
    code = "not_latest"
    detail = "Only the newest reply of a chatroom can be regenerated."


class ReplyInProgress(AppError):
    """The reply is still being written."""

    status = HTTPStatus.CONFLICT
    code = "reply_in_progress"
    detail = "This reply is still being written. Wait for it or cancel it first."


class ChatroomLimitReached(AppError):
    """The plan allows no more chatrooms."""

    status = HTTPStatus.CONFLICT
    code = "chatroom_limit_reached"
    detail = "You have reached your plan's limit of chatrooms. Delete some of them, or upgrade to Pro."

    def __init__(self, *, limit: int, can_upgrade: bool) -> None:
        super().__init__(
            None if can_upgrade else "You have reached the limit of chatrooms. Delete some of them.",
            members={"limit": limit} | ({"upgrade": "/subscribe/pro"} if can_upgrade else {}),
        )


class DailyLimitReached(AppError):
    """The messages of the day on Basic are used up."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "daily_limit_reached"
    detail = "You have used all messages of the day. Wait until midnight UTC, or upgrade to Pro."

    def __init__(self, *, limit: int, used: int, resets_at: datetime, retry_after: int) -> None:
        self.limit = limit
        super().__init__(
            members={
                "limit": limit,
                "used": used,
                "resets_at": resets_at,
                "upgrade": "/subscribe/pro",
            },
            retry_after=retry_after,
        )
