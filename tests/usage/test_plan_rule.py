"""The plan of a user is the same in SQL text and in `Subscription.plan_at`."""

import datetime as dt
import itertools
import re
import uuid

import psycopg
import pytest

from app.models import Plan
from app.models.subscription import Subscription
from app.repositories.sql import statement
from tests.support.stack import Stack
from tests.support.user import User

pytestmark = pytest.mark.server_version

_NOW = dt.datetime(2031, 5, 2, 12, tzinfo=dt.UTC)
_TIMES = (None, _NOW - dt.timedelta(seconds=1), _NOW, _NOW + dt.timedelta(seconds=1))
_STATUSES = (
    *("active", "trialing", "past_due", "unpaid", "paused"),
    *("canceled", "incomplete", "incomplete_expired"),
)


def test_the_plan_in_sql_is_the_plan_of_the_subscription(stack: Stack, user: User) -> None:
    """Red when either rule ignores a status, the grace, a voided period or the end of a period."""
    read_usage = re.sub(r":(user_id|now|day)\b", r"%(\1)s", statement("user_plan", "read_usage"))
    values = {"user_id": user.id, "now": _NOW, "day": _NOW.date()}
    cases = list(itertools.product(_STATUSES, (None, "current", "next"), _TIMES, _TIMES))
    with psycopg.connect(stack.database.url) as connection:
        connection.execute(
            "INSERT INTO subscriptions (id, user_id, stripe_subscription_id, status, cancel_at_period_end,"
            " created_at, updated_at) VALUES (%s, %s, %s, 'active', false, now(), now())",
            [uuid.uuid4(), user.id, f"sub_{uuid.uuid4().hex}"],
        )
        for status, voided, period_end, grace_until in cases:
            connection.execute(
                "UPDATE subscriptions SET status = %s, voided_period = %s, current_period_end = %s,"
                " grace_until = %s WHERE user_id = %s",
                [status, voided, period_end, grace_until, user.id],
            )
            row = connection.execute(read_usage.encode(), values).fetchone()
            subscription = Subscription(
                status=status,
                voided_period=voided,
                current_period_end=period_end,
                grace_until=grace_until,
            )
            is_pro = subscription.plan_at(_NOW) is Plan.PRO
            assert row == (is_pro, None, False, 0), (status, voided, period_end, grace_until)
        connection.rollback()
