"""The `Prefer` header (RFC 7240): the time for which a request waits for a reply."""

import re
from dataclasses import dataclass

from fastapi import Response

_WAIT = re.compile(r"wait=\"?(\d{1,4})\"?")
_MAX_WAIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Preference:
    """Seconds to wait, and the value of `Preference-Applied` (None: the default applies)."""

    wait_seconds: float
    applied: str | None

    def apply_to(self, response: Response) -> None:
        """Set `Preference-Applied` if the client's preference was applied."""
        if self.applied is not None:
            response.headers["Preference-Applied"] = self.applied


def read_preference(header: str | None, *, default_seconds: float) -> Preference:
    """Read the header; unknown preferences are ignored, as the RFC requires."""
    for part in (header or "").split(","):
        preference = part.partition(";")[0].strip().lower()
        if preference == "respond-async":
            return Preference(0, "respond-async")
        if match := _WAIT.fullmatch(preference):
            seconds = min(int(match[1]), _MAX_WAIT_SECONDS)
            return Preference(seconds, f"wait={seconds}")
    return Preference(default_seconds, None)
