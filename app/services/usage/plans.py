"""The catalogue of plans: each plan's terms, read from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from app.config import Settings
from app.models import Plan, PlanTerms


@dataclass(frozen=True, slots=True)
class Plans:
    """The terms of every plan. A new plan is a member of `Plan` and an entry here."""

    terms: Mapping[Plan, PlanTerms]

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Read the terms from `BASIC_…` and `PRO_…`."""
        return cls(
            {
                Plan.BASIC: PlanTerms(
                    messages=settings.basic_messages_per_day,
                    requests_per_minute=settings.basic_requests_per_minute,
                    rooms=settings.basic_rooms_per_user,
                    reply_priority=0,
                ),
                Plan.PRO: PlanTerms(
                    messages=None,
                    requests_per_minute=settings.pro_requests_per_minute,
                    rooms=settings.pro_rooms_per_user,
                    reply_priority=1,
                ),
            }
        )

    def __getitem__(self, plan: Plan) -> PlanTerms:
        """Return the terms of a plan."""
        return self.terms[plan]

    @property
    def requests_per_minute(self) -> Mapping[Plan, int]:
        """Return the request rate of each plan."""
        return {plan: terms.requests_per_minute for plan, terms in self.terms.items()}

    @property
    def rooms(self) -> Mapping[Plan, int]:
        """Return the number of rooms that each plan allows."""
        return {plan: terms.rooms for plan, terms in self.terms.items()}
