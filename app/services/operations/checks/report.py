"""The result of one check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto

Fact = str | int | float | bool | None


class CheckState(StrEnum):
    """How a check ended."""

    OK = auto()
    PROBLEM = auto()
    SKIPPED = auto()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The facts that a check found, and its problems, each one sentence with its remedy."""

    name: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    is_skipped: bool = False

    @property
    def state(self) -> CheckState:
        """Whether the check was skipped, or found problems."""
        if self.is_skipped:
            return CheckState.SKIPPED
        return CheckState.PROBLEM if self.problems else CheckState.OK


def skipped(name: str, why: str) -> CheckResult:
    """Return the result of a check that does not apply."""
    return CheckResult(name, {"reason": why}, is_skipped=True)


MAX_CLOCK_DIFFERENCE_SECONDS = 5.0


def clock_problem(server: str, difference: float) -> list[str]:
    """Return the problem of two clocks that differ; `difference` is the server's lead in seconds."""
    if abs(difference) <= MAX_CLOCK_DIFFERENCE_SECONDS:
        return []
    direction = "ahead of" if difference > 0 else "behind"
    sentence = (
        f"The clock of {server} is {abs(difference):.0f} s {direction} that of this machine:"
        " synchronize both by NTP, since tokens, limits and retries depend on them."
    )
    return [sentence]
