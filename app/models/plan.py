"""Plans, and the type of their terms."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.kit.clock import next_midnight


class Plan(StrEnum):
    """The plans; Basic is the one without a subscription."""

    BASIC = "basic"
    PRO = "pro"

    @classmethod
    def of(cls, *, is_pro: bool) -> "Plan":
        """Return the plan of a user with, or without, a subscription that gives Pro."""
        return cls.PRO if is_pro else cls.BASIC


class UsageWindow(StrEnum):
    """The period over which a plan's messages are counted."""

    UTC_DAY = "utc_day"

    def ends_at(self, now: datetime) -> datetime:
        """Return the end of the window that contains `now`."""
        match self:
            case UsageWindow.UTC_DAY:
                return next_midnight(now)


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """Limits and priority that a plan gives each user."""

    messages: int | None
    """Messages per window; None: unlimited."""
    requests_per_minute: int
    rooms: int
    reply_priority: int
    """Of two due replies the one with the higher priority is claimed first."""
    window: UsageWindow = UsageWindow.UTC_DAY
