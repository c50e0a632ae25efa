"""Errors of operators' commands about replies and Stripe's events."""

from http import HTTPStatus

from app.errors.base import AppError


class ReplyNotFound(AppError):
    """No reply has this id."""

    status = HTTPStatus.NOT_FOUND
    code = "reply_not_found"
    detail = "No reply has this id."


class ReplyNotRetryable(AppError):
    """Only waiting and failed replies can be retried; `reply_status` is that of this one."""

    status = HTTPStatus.CONFLICT
    code = "reply_not_retryable"
    detail = "Only a waiting or a failed reply can be retried."

    def __init__(self, *, reply_status: str) -> None:
        super().__init__(members={"reply_status": reply_status})


class EventNotFound(AppError):
    """No stored event of Stripe has this id."""

    status = HTTPStatus.NOT_FOUND
    code = "event_not_found"
    detail = "No stored event of Stripe has this id; processed ones are kept for 60 days."
