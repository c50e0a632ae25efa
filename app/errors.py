"""The catalogue of expected failures: status, stable code, and a sentence for a person."""

from datetime import datetime
from http import HTTPStatus
from typing import ClassVar


class AppError(Exception):
    """A failure that the contract names; every subclass is one `code` of the API.

    `members` are further fields of the error body, `headers` further response headers.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "internal_error"
    detail: str = "Something went wrong on our side. Try again later."

    def __init__(
        self,
        detail: str | None = None,
        *,
        members: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.detail = detail or self.detail
        self.members = members or {}
        self.headers = headers or {}
        super().__init__(self.detail)


class InternalError(AppError):
    """Anything nobody expected; the log has the reason under the request id."""


class ValidationFailed(AppError):
    """The request does not have the documented form."""

    status = HTTPStatus.BAD_REQUEST
    code = "validation_failed"
    detail = "The request is not valid; see errors."


class CursorInvalid(AppError):
    """A paging cursor that this service did not make for this list."""

    status = HTTPStatus.BAD_REQUEST
    code = "cursor_invalid"
    detail = "This cursor is not valid here; start from the first page."


class AuthenticationRequired(AppError):
    """No access token, or one that is expired, forged, or of an ended session."""

    status = HTTPStatus.UNAUTHORIZED
    code = "authentication_required"
    detail = "Sign in and send the access token as a Bearer token."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class OtpInvalid(AppError):
    """The code is wrong, expired, used, or was never sent."""

    status = HTTPStatus.UNAUTHORIZED
    code = "otp_invalid"
    detail = "This code is wrong or has expired."

    def __init__(self, *, attempts_left: int) -> None:
        super().__init__(members={"attempts_left": attempts_left}, headers={"WWW-Authenticate": "Bearer"})


class OtpAttemptsExceeded(AppError):
    """Too many wrong tries; the code is burned and a new one must be asked for."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "otp_attempts_exceeded"
    detail = "Too many wrong codes. Ask for a new one."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class OtpResendTooSoon(AppError):
    """A code was sent to this number moments ago."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "otp_resend_too_soon"
    detail = "A code was just sent. Wait a little before asking for another."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class OtpLimitReached(AppError):
    """A budget for codes is spent: this number's, this address's, or the service's."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "otp_limit_reached"
    detail = "Too many codes were asked for. Try again later."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class CountryNotAllowed(AppError):
    """Codes are not sent to numbers of this country."""

    status = HTTPStatus.FORBIDDEN
    code = "country_not_allowed"
    detail = "Codes cannot be sent to mobile numbers of this country."


class CredentialsInvalid(AppError):
    """Number and password do not go together, whatever the reason."""

    status = HTTPStatus.UNAUTHORIZED
    code = "credentials_invalid"
    detail = "The mobile number or the password is wrong."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class PasswordAttemptsExceeded(AppError):
    """Too many wrong passwords for this account; each further one makes the wait longer."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "password_attempts_exceeded"
    detail = "Too many wrong passwords. Wait, or sign in with a code."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class RefreshInvalid(AppError):
    """The refresh token is unknown, has expired, or its session has ended."""

    status = HTTPStatus.UNAUTHORIZED
    code = "refresh_invalid"
    detail = "This session has ended. Sign in again."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class RefreshReused(AppError):
    """A refresh token came back after its successor was used; its session has been ended for safety."""

    status = HTTPStatus.UNAUTHORIZED
    code = "refresh_reused"
    detail = "This refresh token was used before, so its session has been ended. Sign in again."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class SessionNotFound(AppError):
    """No open session with this id belongs to the caller."""

    status = HTTPStatus.NOT_FOUND
    code = "session_not_found"
    detail = "You have no open session with this id."


class RecentSignInRequired(AppError):
    """What cannot be undone needs a session that was opened in the last ten minutes."""

    status = HTTPStatus.FORBIDDEN
    code = "recent_sign_in_required"
    detail = "Sign in again first: this needs a sign-in of the last 10 minutes."


class MobileNumberTaken(AppError):
    """The number belongs to somebody who proved it."""

    status = HTTPStatus.CONFLICT
    code = "mobile_number_taken"
    detail = "This mobile number has an account. Sign in instead."


class NotFound(AppError):
    """No such address."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"
    detail = "There is nothing at this address."


class ChatroomNotFound(AppError):
    """No chatroom with this id belongs to the caller."""

    status = HTTPStatus.NOT_FOUND
    code = "chatroom_not_found"
    detail = "You have no chatroom with this id."


class MessageNotFound(AppError):
    """No message with this id is in the caller's chatroom."""

    status = HTTPStatus.NOT_FOUND
    code = "message_not_found"
    detail = "This chatroom has no message with this id."


class MethodNotAllowed(AppError):
    """The address exists, the method does not."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"
    detail = "This address does not take this method."


class IdempotencyKeyReused(AppError):
    """The key was used for another request."""

    status = HTTPStatus.CONFLICT
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used for a different message."


class NotLatest(AppError):
    """Only the newest exchange of a room can be answered anew."""

    status = HTTPStatus.CONFLICT
    code = "not_latest"
    detail = "Only the newest reply of a chatroom can be regenerated."


class ReplyInProgress(AppError):
    """The reply has not come to its end."""

    status = HTTPStatus.CONFLICT
    code = "reply_in_progress"
    detail = "This reply is still being written. Wait for it or cancel it first."


class BodyTooLarge(AppError):
    """The body is over the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"
    detail = "The request body is larger than 1 MiB."


class UnsupportedMediaType(AppError):
    """A body that is not declared as JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"
    detail = "Send the body as application/json."


class AlreadySubscribed(AppError):
    """There is nothing to buy: the caller is on Pro."""

    status = HTTPStatus.CONFLICT
    code = "already_subscribed"
    detail = "You are on Pro already."


class NotSubscribed(AppError):
    """There is no subscription that this could be done to."""

    status = HTTPStatus.CONFLICT
    code = "not_subscribed"
    detail = "You have no subscription that this could be done to."


class CheckoutNotFound(AppError):
    """No checkout session with this id belongs to the caller."""

    status = HTTPStatus.NOT_FOUND
    code = "checkout_not_found"
    detail = "You have no checkout session with this id."


class WebhookInvalid(AppError):
    """The webhook is not signed by Stripe, or its signature is too old or from the future."""

    status = HTTPStatus.BAD_REQUEST
    code = "webhook_invalid"
    detail = "The signature of this webhook is not valid."


class RateLimitExceeded(AppError):
    """Too many requests in the last minute, from this address or of this person."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limit_exceeded"
    detail = "Too many requests in the last minute. Slow down."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class DailyLimitReached(AppError):
    """Basic's messages of the day are used up."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "daily_limit_reached"
    detail = "You have used all messages of the day. They come back at midnight UTC, or upgrade to Pro."

    def __init__(self, *, limit: int, used: int, resets_at: datetime, retry_after: int) -> None:
        super().__init__(
            members={
                "limit": limit,
                "used": used,
                "resets_at": resets_at.isoformat().replace("+00:00", "Z"),
                "upgrade": "/subscribe/pro",
            },
            headers={
                "Retry-After": str(retry_after),
                "RateLimit-Policy": f'"daily";q={limit};w=86400',
                "RateLimit": f'"daily";r=0;t={retry_after}',
            },
        )


class ServiceUnavailable(AppError):
    """A part that the request cannot do without is down."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "service_unavailable"
    detail = (
        "The service cannot answer this right now. Try again shortly; "
        "use an Idempotency-Key to retry a message safely."
    )

    def __init__(self, *, retry_after: int = 2) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class PaymentsUnavailable(ServiceUnavailable):
    """Stripe cannot be reached; nothing else needs it."""

    detail = "Payments cannot be reached right now. Nothing was charged by this request; try again shortly."
