"""The rule of who is on Pro: its cases in Python, and the same rule in SQL text."""

import re
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import cast

import pytest
from sqlalchemy import Table, literal_column

from app.models import Subscription, VoidedPeriod, gives_pro
from app.repositories.sql import statement

_NOW = datetime(2030, 1, 1, tzinfo=UTC)
_TIMES = (None, _NOW - timedelta(seconds=1), _NOW, _NOW + timedelta(seconds=1))


def _row(
    status: str,
    *,
    grace_until: datetime | None = None,
    voided: VoidedPeriod | None = None,
    end: datetime | None = None,
) -> Subscription:
    return Subscription(status=status, grace_until=grace_until, voided_period=voided, current_period_end=end)


@pytest.mark.parametrize("status", ["active", "trialing"])
def test_a_paid_subscription_gives_pro_whatever_its_grace_and_period(status: str) -> None:
    assert all(
        gives_pro(_row(status, grace_until=grace, end=end), _NOW) for grace, end in product(_TIMES, repeat=2)
    )


def test_a_subscription_past_due_gives_pro_until_its_grace_ends() -> None:
    given = [gives_pro(_row("past_due", grace_until=grace), _NOW) for grace in _TIMES]
    assert given == [False, False, False, True]


@pytest.mark.parametrize(
    "status", ["canceled", "unpaid", "paused", "incomplete", "incomplete_expired", "new"]
)
def test_no_other_state_gives_pro(status: str) -> None:
    later = _TIMES[-1]
    assert not any(
        gives_pro(_row(status, grace_until=later, voided=voided, end=later), _NOW)
        for voided in (None, *VoidedPeriod)
    )


def test_a_voided_period_gives_no_pro_once_it_has_begun() -> None:
    assert not any(gives_pro(_row("active", voided=VoidedPeriod.CURRENT, end=end), _NOW) for end in _TIMES)
    given = [gives_pro(_row("active", voided=VoidedPeriod.NEXT, end=end), _NOW) for end in _TIMES]
    assert given == [True, False, False, True]


def test_the_sql_text_holds_the_same_rule() -> None:
    table = cast("Table", Subscription.__table__)
    rule = gives_pro(table.c, literal_column(":now"))
    compiled = rule.compile(compile_kwargs={"literal_binds": True})
    text = re.sub(r"--.*", "", statement("user_plan"))
    assert _plain(str(compiled)) in _plain(text)


def _plain(sql: str) -> str:
    """Drop what does not change the meaning: the table's name and white space."""
    return re.sub(r"\s+", "", sql.replace("subscriptions.", ""))
