"""Whether payments succeed, and what follows when they do not; tests decide both."""

from dataclasses import dataclass, field
from enum import StrEnum

WEEK = 7 * 24 * 3600


class Outcome(StrEnum):
    """What the bank says."""

    PAY = "pay"
    DECLINE = "decline"


class Afterwards(StrEnum):
    """What becomes of a subscription after its last failed retry."""

    CANCEL = "cancel"
    UNPAID = "unpaid"
    PAST_DUE = "past_due"


@dataclass(slots=True)
class Payments:
    """The bank: an outcome for all customers, and others for single ones."""

    everybody: Outcome = Outcome.PAY
    single: dict[str, Outcome] = field(default_factory=dict)
    retry_after: tuple[int, ...] = (WEEK, WEEK, WEEK)
    afterwards: Afterwards = Afterwards.CANCEL

    def succeed(self, customer: str | None) -> bool:
        """Try to take money."""
        outcome = self.everybody if customer is None else self.single.get(customer, self.everybody)
        return outcome is Outcome.PAY

    def decide(self, customer: str | None, outcome: Outcome) -> None:
        """Decide all payments from now on: of a customer, or of all; the latter ends the former."""
        if customer is not None:
            self.single[customer] = outcome
            return
        self.single.clear()
        self.everybody = outcome

    def reset(self) -> None:
        fresh = Payments()
        self.everybody, self.retry_after, self.afterwards = (
            fresh.everybody,
            fresh.retry_after,
            fresh.afterwards,
        )
        self.single.clear()
