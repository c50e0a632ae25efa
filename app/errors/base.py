"""The base of all expected errors: status, stable code, and a sentence for users."""

from http import HTTPStatus
from typing import ClassVar


class AppError(Exception):
    """An error of the API's contract; every subclass is one `code`.

    `members` are further fields of the error body; `retry_after` is the wait before a retry, in seconds.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "internal_error"
    detail: str = "Something went wrong on our side. Try again later."

    def __init__(
        self,
        detail: str | None = None,
        *,
        members: dict[str, object] | None = None,
        retry_after: int | None = None,
    ) -> None:
        self.detail = detail or self.detail
        self.members = members or {}
        self.retry_after = retry_after
        super().__init__(self.detail)


class InternalError(AppError):
    """An unexpected error; the log holds the reason under the request id."""
