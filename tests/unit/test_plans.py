"""The catalogue of plans, as the settings define it."""

from datetime import UTC, datetime

from app.config import Settings
from app.models import Plan, UsageWindow
from app.services.usage.plans import Plans


def test_every_plan_has_terms_from_the_settings() -> None:
    settings = Settings.model_construct(
        basic_messages_per_day=7,
        basic_requests_per_minute=11,
        pro_requests_per_minute=13,
        basic_rooms_per_user=17,
        pro_rooms_per_user=19,
    )
    plans = Plans.from_settings(settings)
    assert set(plans.terms) == set(Plan)
    assert (plans[Plan.BASIC].messages, plans[Plan.PRO].messages) == (7, None)
    assert plans.requests_per_minute == {Plan.BASIC: 11, Plan.PRO: 13}
    assert plans.rooms == {Plan.BASIC: 17, Plan.PRO: 19}
    assert plans[Plan.PRO].reply_priority > plans[Plan.BASIC].reply_priority


def test_a_day_ends_at_midnight_utc() -> None:
    now = datetime(2031, 5, 1, 23, 59, 59, tzinfo=UTC)
    assert UsageWindow.UTC_DAY.ends_at(now) == datetime(2031, 5, 2, tzinfo=UTC)
    assert UsageWindow.UTC_DAY.ends_at(datetime(2031, 5, 2, tzinfo=UTC)) == datetime(2031, 5, 3, tzinfo=UTC)
