"""Errors of sign-up, sign-in and sessions."""

from http import HTTPStatus

from app.errors.base import AppError


class AuthenticationRequired(AppError):
    """The access token is missing, expired, forged, or of an ended session."""

    status = HTTPStatus.UNAUTHORIZED
    code = "authentication_required"
    detail = "Sign in and send the access token as a Bearer token."


class OtpInvalid(AppError):
    """The code is wrong, expired, used, or was never sent."""

    status = HTTPStatus.UNAUTHORIZED
    code = "otp_invalid"
    detail = "This code is wrong or has expired."

    def __init__(self, *, attempts_left: int | None = None) -> None:
        members: dict[str, object] = {} if attempts_left is None else {"attempts_left": attempts_left}
        super().__init__(members=members)


class OtpAttemptsExceeded(AppError):
    """The caller's attempts for codes of this number are used up; the correct code is rejected too."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "otp_attempts_exceeded"
    detail = "Too many wrong codes. Request a new code."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)


class OtpResendTooSoon(AppError):
    """The last code for this number was sent too recently."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "otp_resend_too_soon"
    detail = "A code was just sent. Wait before requesting another."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)


class OtpLimitReached(AppError):
    """A limit of codes is reached: that of the number, of the network, or of the service."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "otp_limit_reached"
    detail = "Too many codes were requested. Try again later."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)


class CountryNotAllowed(AppError):
    """The service sends no codes to numbers of this country."""

    status = HTTPStatus.FORBIDDEN
    code = "country_not_allowed"
    detail = "Codes cannot be sent to mobile numbers of this country."


class CredentialsInvalid(AppError):
    """The number or the password is wrong."""

    status = HTTPStatus.UNAUTHORIZED
    code = "credentials_invalid"
    detail = "The mobile number or the password is wrong."


class PasswordAttemptsExceeded(AppError):
    """Too many wrong passwords from this network or for this number; each further one lengthens the wait."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "password_attempts_exceeded"
    detail = "Too many wrong passwords. Wait, or sign in with a code."

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)


class RefreshInvalid(AppError):
    """The refresh token is unknown, has expired, or its session has ended."""

    status = HTTPStatus.UNAUTHORIZED
    code = "refresh_invalid"
    detail = "This session has ended. Sign in again."


class RefreshReused(AppError):
    """A refresh token was reused after its successor; its session has been ended for safety."""

    status = HTTPStatus.UNAUTHORIZED
    code = "refresh_reused"
    detail = "This refresh token was used before, so its session has ended. Sign in again."


class SessionNotFound(AppError):
    """The user has no open session with this id."""

    status = HTTPStatus.NOT_FOUND
    code = "session_not_found"
    detail = "You have no open session with this id."


class RecentSignInRequired(AppError):
    """The session was not opened within the last ten minutes, which this operation requires."""

    status = HTTPStatus.FORBIDDEN
    code = "recent_sign_in_required"
    detail = "Sign in again: this requires a sign-in within the last 10 minutes."


class MobileNumberTaken(AppError):
    """Another account has verified this number."""

    status = HTTPStatus.CONFLICT
    code = "mobile_number_taken"
    detail = "This mobile number has an account. Sign in instead."


class AccountSuspended(AppError):
    """The account is suspended."""

    status = HTTPStatus.FORBIDDEN
    code = "account_suspended"
    detail = "This account is suspended. Contact the operator of this service."
