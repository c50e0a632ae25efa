"""The protocol of a text-message service, and the message that it sends."""

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol

from app.models.sign_in import OtpPurpose

TRY_SECONDS: Final = 3.0
"""Timeout of one attempt to send a message."""
_TEMPORARY: Final = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)


@dataclass(frozen=True, slots=True)
class OtpMessage:
    """A text message with a code; every attempt to send it is of the same message."""

    id: str
    created_at: datetime
    mobile_number: str = field(repr=False)
    """In E.164."""
    text: str = field(repr=False)
    otp: str = field(repr=False)
    """The code in the text."""
    locale: str | None
    """The locale of the text, if there are several."""
    purpose: OtpPurpose
    expires_in: int
    """Lifetime of the code in seconds, from `created_at`."""


class SmsNotSentError(Exception):
    """Raised when the service did not accept the message; a retry may succeed.

    The reason contains neither text nor number, so it can be logged.
    """


class SmsRefusedError(SmsNotSentError):
    """Raised when the service rejects the message for good: an unsupported number, or wrong credentials."""


class SmsClient(Protocol):
    """Sends text messages."""

    async def send(self, message: OtpMessage) -> None:
        """Send one message, within a few seconds.

        Raises:
            SmsRefusedError: a retry cannot succeed.
            SmsNotSentError: the service failed, is busy, or did not respond in time.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


def failure_of(status: int, reason: str) -> SmsNotSentError:
    """Return the error for a response of this status, which is no success."""
    is_final = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return SmsRefusedError(reason) if is_final and status not in _TEMPORARY else SmsNotSentError(reason)
