"""The `Prefer` header (RFC 7240): how long a client wants its request to wait for a reply."""

import re
from dataclasses import dataclass

from fastapi import Response

_WAIT = re.compile(r"wait=\"?(\d{1,4})\"?")
_LONGEST_WAIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Preference:
    """Seconds to wait, and what `Preference-Applied` says of it (None: the default was kept)."""

    wait_seconds: float
    applied: str | None

    def apply_to(self, response: Response) -> None:
        """Say on the answer what was applied."""
        if self.applied is not None:
            response.headers["Preference-Applied"] = self.applied


def read_preference(header: str | None, *, default_seconds: float) -> Preference:
    """What the header asks for; unknown preferences are ignored, as the RFC demands."""
    for part in (header or "").split(","):
        word = part.partition(";")[0].strip().lower()
        if word == "respond-async":
            return Preference(0, "respond-async")
        if match := _WAIT.fullmatch(word):
            seconds = min(int(match[1]), _LONGEST_WAIT_SECONDS)
            return Preference(seconds, f"wait={seconds}")
    return Preference(default_seconds, None)
