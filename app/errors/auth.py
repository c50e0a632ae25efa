"""Errors of sign-up, sign-in and sessions."""

from http import HTTPStatus

from app.errors.base import AppError


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

    def __init__(self, *, attempts_left: int | None = None) -> None:
        members: dict[str, object] = {} if attempts_left is None else {"attempts_left": attempts_left}
        super().__init__(members=members, headers={"WWW-Authenticate": "Bearer"})


class OtpAttemptsExceeded(AppError):
    """The caller has no tries left for codes of this number; the right code is refused, too."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "otp_attempts_exceeded"
    detail = "Too many wrong codes. Request a new one."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class OtpResendTooSoon(AppError):
    """A code was sent to this number moments ago."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "otp_resend_too_soon"
    detail = "A code was just sent. Wait a little before you request another."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class OtpLimitReached(AppError):
    """A budget of codes is exhausted: this number's, this network's, or the service's."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "otp_limit_reached"
    detail = "Too many codes were requested. Try again later."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(headers={"Retry-After": str(retry_after)})


class CountryNotAllowed(AppError):
    """Codes are not sent to numbers of this country."""

    status = HTTPStatus.FORBIDDEN
    code = "country_not_allowed"
    detail = "Codes cannot be sent to mobile numbers of this country."


class CredentialsInvalid(AppError):
    """The number or the password is wrong."""

    status = HTTPStatus.UNAUTHORIZED
    code = "credentials_invalid"
    detail = "The mobile number or the password is wrong."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class PasswordAttemptsExceeded(AppError):
    """Too many wrong passwords from this network or for this number; further ones lengthen the wait."""

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
    """A refresh token was reused after its successor; its session has been ended for safety."""

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
    """The session is older than ten minutes; a stolen token is not enough for this."""

    status = HTTPStatus.FORBIDDEN
    code = "recent_sign_in_required"
    detail = "Sign in again first: this needs a sign-in of the last 10 minutes."


class MobileNumberTaken(AppError):
    """Another account has verified this number."""

    status = HTTPStatus.CONFLICT
    code = "mobile_number_taken"
    detail = "This mobile number has an account. Sign in instead."
