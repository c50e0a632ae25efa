"""What the product asks of a text-message service."""

from typing import Protocol


class SmsNotSentError(Exception):
    """The service did not take the message, but may when asked again.

    Says why without the text or the number, so that it can be logged.
    """


class SmsRefusedError(SmsNotSentError):
    """The service will never take this message: a number it does not serve, or credentials that are wrong."""


class SmsClient(Protocol):
    """Sends one text to one number."""

    async def send(self, *, mobile_number: str, text: str) -> None:
        """Send, in a few seconds at most.

        Raises:
            SmsRefusedError: asking again is of no use.
            SmsNotSentError: the service failed, is busy, or could not be reached in time.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
