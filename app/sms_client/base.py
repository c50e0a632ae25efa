"""The protocol of a text-message service."""

from typing import Protocol


class SmsNotSentError(Exception):
    """Raised when the service did not accept the message; a retry may succeed.

    The reason contains neither text nor number, so it can be logged.
    """


class SmsRefusedError(SmsNotSentError):
    """Raised when the service rejects the message for good: an unsupported number, or wrong credentials."""


class SmsClient(Protocol):
    """Sends text messages."""

    async def send(self, *, mobile_number: str, text: str) -> None:
        """Send one text to one number, within a few seconds.

        Raises:
            SmsRefusedError: a retry cannot succeed.
            SmsNotSentError: the service failed, is busy, or did not respond in time.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
