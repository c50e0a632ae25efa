"""Failures that tests order: requests that are refused, lost, or kept waiting."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.stripe.problems import StripeError


class Mode(StrEnum):
    """How a request fails; the name says whether it was executed before."""

    ERROR = "500"
    RATE_LIMIT = "429"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    HANG = "hang"
    HOLD_BEFORE = "hold_before"
    HOLD_AFTER = "hold_after"


REFUSALS = {
    Mode.ERROR: (500, "An unknown error occurred", "api_error", None),
    Mode.RATE_LIMIT: (429, "Request rate limit exceeded.", "invalid_request_error", "rate_limit"),
}


@dataclass(slots=True)
class Failure:
    """An order that acts on the next requests it fits, so many times."""

    path_contains: str
    method: str | None
    times: int
    mode: Mode
    released: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: bool = False

    def fits(self, method: str, path: str) -> bool:
        return self.times > 0 and self.path_contains in path and self.method in {None, method}

    def refusal(self) -> StripeError | None:
        """The error of a request that is rejected without being executed."""
        if self.mode not in REFUSALS:
            return None
        status, message, kind, code = REFUSALS[self.mode]
        return StripeError(status, message, kind=kind, code=code)


class Failures:
    """All orders, oldest first."""

    def __init__(self) -> None:
        self._orders: list[Failure] = []

    def add(self, failure: Failure) -> None:
        self._orders.append(failure)

    def take(self, method: str, path: str) -> Failure | None:
        """Use up one time of the first order that fits this request."""
        found = next((each for each in self._orders if each.fits(method, path)), None)
        if found is not None:
            found.times -= 1
        return found

    def release(self) -> None:
        """End every order, and let go what waits at a hold."""
        for each in self._orders:
            each.times = 0
            each.released.set()
        self._orders.clear()

    def abandon(self) -> None:
        """End every order; what waits at a hold is cut off, so that it touches nothing that comes after."""
        for each in self._orders:
            each.abandoned = True
        self.release()
