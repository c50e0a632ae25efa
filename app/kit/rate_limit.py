"""The state of a limit after one request, and the response headers that show it."""

from collections.abc import Iterable
from typing import Final, NamedTuple

POLICY_HEADER: Final = "RateLimit-Policy"
STATE_HEADER: Final = "RateLimit"
_DAY_SECONDS: Final = 86_400


class LimitState(NamedTuple):
    """One limit after a request was counted on it."""

    name: str
    limit: int
    window_seconds: int
    remaining: int
    reset_seconds: int
    """Seconds after which at least one more request is admitted, rounded up."""
    is_admitted: bool = True
    """Whether the limit admitted the request; a rejected request is not counted."""


def daily_limit(limit: int, remaining: int, *, reset_seconds: int) -> LimitState:
    """Return the state of the messages of a UTC day."""
    return LimitState("daily", limit, _DAY_SECONDS, remaining, reset_seconds)


def rate_limit_headers(states: Iterable[LimitState]) -> dict[str, str]:
    """Render limits as `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers)."""
    shown = list(states)
    if not shown:
        return {}
    return {
        POLICY_HEADER: ", ".join(
            f'"{state.name}";q={state.limit};w={state.window_seconds}' for state in shown
        ),
        STATE_HEADER: ", ".join(
            f'"{state.name}";r={state.remaining};t={state.reset_seconds}' for state in shown
        ),
    }
