"""Plans for tests that build the quota themselves."""

from app.models import Plan, PlanTerms
from app.services.usage.plans import Plans


def plans_with(*, basic_messages: int) -> Plans:
    """Return plans of which Basic allows so many messages a day."""
    return Plans(
        {
            Plan.BASIC: PlanTerms(
                messages=basic_messages, requests_per_minute=100, rooms=100, reply_priority=0
            ),
            Plan.PRO: PlanTerms(messages=None, requests_per_minute=100, rooms=100, reply_priority=1),
        }
    )
