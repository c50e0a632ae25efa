"""The catalogue of expected errors, with their status codes."""

from collections.abc import Mapping
from typing import Final

from app.errors.admin import (
    AdminKeyNameTaken,
    AdminKeyNotFound,
    AdminKeyRequired,
    ScopeRequired,
    UserNotFound,
)
from app.errors.auth import (
    AccountSuspended,
    AuthenticationRequired,
    CountryNotAllowed,
    CredentialsInvalid,
    MobileNumberTaken,
    OtpAttemptsExceeded,
    OtpInvalid,
    OtpLimitReached,
    OtpResendTooSoon,
    PasswordAttemptsExceeded,
    RecentSignInRequired,
    RefreshInvalid,
    RefreshReused,
    SessionNotFound,
)
from app.errors.base import AppError, InternalError
from app.errors.billing import (
    AlreadySubscribed,
    CheckoutNotFound,
    NotSubscribed,
    PaymentsNotConfigured,
    PaymentsUnavailable,
    WebhookInvalid,
)
from app.errors.chat import (
    ChatroomLimitReached,
    ChatroomNotFound,
    DailyLimitReached,
    IdempotencyKeyReused,
    MessageNotFound,
    ReplyInProgress,
    ReplyNotLatest,
)
from app.errors.operations import EventNotFound, ReplyNotFound, ReplyNotRetryable
from app.errors.request import (
    FIELD_CODES,
    BodyTooLarge,
    ContentEncodingUnsupported,
    CursorInvalid,
    DatabaseFull,
    DatabaseReadOnly,
    MethodNotAllowed,
    MigrationsMissing,
    NotFound,
    OriginNotAllowed,
    RateLimitExceeded,
    RequestHeadTooLarge,
    RequestMalformed,
    RequestTimeout,
    ServiceUnavailable,
    TooManyExports,
    TooManyStreams,
    UnsupportedMediaType,
    ValidationFailed,
)

__all__ = [
    "ADMIN_CATALOGUE",
    "CATALOGUE",
    "FIELD_CODES",
    "NOT_FOUND_BY_PARAMETER",
    "AccountSuspended",
    "AdminKeyNameTaken",
    "AdminKeyNotFound",
    "AdminKeyRequired",
    "AlreadySubscribed",
    "AppError",
    "AuthenticationRequired",
    "BodyTooLarge",
    "ChatroomLimitReached",
    "ChatroomNotFound",
    "CheckoutNotFound",
    "ContentEncodingUnsupported",
    "CountryNotAllowed",
    "CredentialsInvalid",
    "CursorInvalid",
    "DailyLimitReached",
    "DatabaseFull",
    "DatabaseReadOnly",
    "EventNotFound",
    "IdempotencyKeyReused",
    "InternalError",
    "MessageNotFound",
    "MethodNotAllowed",
    "MigrationsMissing",
    "MobileNumberTaken",
    "NotFound",
    "NotSubscribed",
    "OriginNotAllowed",
    "OtpAttemptsExceeded",
    "OtpInvalid",
    "OtpLimitReached",
    "OtpResendTooSoon",
    "PasswordAttemptsExceeded",
    "PaymentsNotConfigured",
    "PaymentsUnavailable",
    "RateLimitExceeded",
    "RecentSignInRequired",
    "RefreshInvalid",
    "RefreshReused",
    "ReplyInProgress",
    "ReplyNotFound",
    "ReplyNotLatest",
    "ReplyNotRetryable",
    "RequestHeadTooLarge",
    "RequestMalformed",
    "RequestTimeout",
    "ScopeRequired",
    "ServiceUnavailable",
    "SessionNotFound",
    "TooManyExports",
    "TooManyStreams",
    "UnsupportedMediaType",
    "UserNotFound",
    "ValidationFailed",
    "WebhookInvalid",
]

_ALL: Final = tuple(
    found
    for found in list(globals().values())
    if isinstance(found, type) and issubclass(found, AppError) and found is not AppError
)
_OF_OPERATORS: Final = ("app.errors.admin", "app.errors.operations")
CATALOGUE: Final = tuple(error for error in _ALL if error.__module__ not in _OF_OPERATORS)
"""Every class of error of the API for users."""

ADMIN_CATALOGUE: Final = tuple(error for error in _ALL if error not in CATALOGUE)
"""The classes of error of the admin API alone."""

NOT_FOUND_BY_PARAMETER: Final[Mapping[str, type[AppError]]] = {
    "chatroom_id": ChatroomNotFound,
    "message_id": MessageNotFound,
    "reply_id": MessageNotFound,
    "session_id": SessionNotFound,
    "user_id": UserNotFound,
    "event_id": EventNotFound,
    "any_reply_id": ReplyNotFound,
}
"""The 404 error for an id in the path, by the name of the path parameter."""
