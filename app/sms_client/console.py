"""Codes for developers, printed to the terminal and never logged."""

import sys

from app.sms_client.base import OtpMessage


class ConsoleSms:
    """Prints texts to stderr."""

    async def send(self, message: OtpMessage) -> None:
        """Print the text."""
        sys.stderr.write(f"SMS to {message.mobile_number}: {message.text}\n")
        sys.stderr.flush()

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""
