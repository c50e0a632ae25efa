"""What the product asks of a text-message service."""

from typing import Protocol


class SmsNotSentError(Exception):
    """The service did not take the message; says why without the text or the number."""


class SmsClient(Protocol):
    """Sends one text to one number."""

    async def send(self, *, mobile_number: str, text: str) -> None:
        """Send.

        Raises:
            SmsNotSentError: the service refused or could not be reached.
        """
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
