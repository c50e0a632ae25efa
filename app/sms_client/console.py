"""Codes for developers: written to the terminal, never to the log."""

import sys


class ConsoleSms:
    """Writes texts to the terminal's stderr."""

    async def send(self, *, mobile_number: str, text: str) -> None:
        """Write the text."""
        sys.stderr.write(f"SMS to {mobile_number}: {text}\n")
        sys.stderr.flush()

    async def aclose(self) -> None:
        """Nothing is open."""
