"""Codes for developers, printed to the terminal and never logged."""

import sys


class ConsoleSms:
    """Prints texts to stderr."""

    async def send(self, *, mobile_number: str, text: str) -> None:
        """Print the text."""
        sys.stderr.write(f"SMS to {mobile_number}: {text}\n")
        sys.stderr.flush()

    async def aclose(self) -> None:
        """Do nothing: no connection is open."""
