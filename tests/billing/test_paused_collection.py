"""Paused collection at Stripe: `void` ends Pro with the paid period, other kinds keep it."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from app.models import Plan, Subscription, VoidedPeriod
from app.stripe_client.parsing import is_voided, subscription_from
from tests.support.buyer import Buyer
from tests.support.stack import Stack
from tests.support.stripe import DAY, StripeSandbox, reconcile
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

_NOW = datetime.now(UTC)


def _pause(buyer: Buyer, behavior: str, *, resumes_at: int | None = None) -> None:
    until = {"pause_collection[resumes_at]": str(resumes_at)} if resumes_at is not None else {}
    path = f"/subscriptions/{buyer.subscription()}"
    buyer.stripe.ask("POST", path, **{"pause_collection[behavior]": behavior, **until})


def _period_end(buyer: Buyer) -> int:
    return int(datetime.fromisoformat(buyer.status()["current_period_end"]).timestamp())


def test_void_ends_pro_with_the_period_that_is_paid(buyer: Buyer) -> None:
    """Red if the pause is ignored: the status at Stripe stays `active`."""
    query = {"session_id": buyer.become_pro()["session_id"]}
    assert buyer.status()["pro_until"] is None
    _pause(buyer, "void")
    paid = buyer.status(**query)
    assert (paid["plan"], paid["status"], paid["cancel_at_period_end"]) == ("pro", "active", False)
    assert paid["pro_until"] == paid["current_period_end"]
    problem(buyer.subscribe(), 409, "already_subscribed")
    buyer.stripe.pass_time(advance_to="period_end")
    over = buyer.status(**query)
    assert (over["plan"], over["status"], over["pro_until"]) == ("basic", "active", None)
    assert over["current_period_end"] > paid["current_period_end"]
    assert over["usage"]["limit"] == 5
    assert buyer.status(**query) == over
    path = f"/subscriptions/{buyer.subscription()}"
    buyer.stripe.ask("POST", path, pause_collection="")
    resumed = buyer.status(**query)
    assert (resumed["plan"], resumed["pro_until"]) == ("pro", None)


@pytest.mark.parametrize("behavior", ["keep_as_draft", "mark_uncollectible"])
def test_other_kinds_of_pause_keep_pro(buyer: Buyer, behavior: str) -> None:
    """Red if every pause ends Pro."""
    query = {"session_id": buyer.become_pro()["session_id"]}
    _pause(buyer, behavior)
    for _ in range(2):
        status = buyer.status(**query)
        assert (status["plan"], status["status"], status["pro_until"]) == ("pro", "active", None)
        buyer.stripe.pass_time(advance_to="period_end")


def test_a_pause_that_is_over_before_the_next_invoice_ends_nothing(buyer: Buyer) -> None:
    """Red if `resumes_at` is ignored."""
    query = {"session_id": buyer.become_pro()["session_id"]}
    end = _period_end(buyer)
    _pause(buyer, "void", resumes_at=end)
    assert buyer.status(**query)["pro_until"] is None
    _pause(buyer, "void", resumes_at=end + DAY)
    assert buyer.status(**query)["pro_until"] == buyer.status()["current_period_end"]
    _pause(buyer, "void", resumes_at=end - DAY)
    assert buyer.status(**query)["pro_until"] is None
    buyer.stripe.pass_time(advance_to="period_end")
    renewed = buyer.status(**query)
    assert (renewed["plan"], renewed["pro_until"]) == ("pro", None)


def test_a_pause_ends_by_itself(buyer: Buyer) -> None:
    query = {"session_id": buyer.become_pro()["session_id"]}
    _pause(buyer, "void", resumes_at=_period_end(buyer) + DAY)
    buyer.stripe.pass_time(advance_to="period_end")
    assert buyer.status(**query)["plan"] == "basic"
    buyer.stripe.pass_time(advance_to="resumption")
    assert buyer.status(**query)["plan"] == "pro"


def test_a_period_that_was_paid_before_the_pause_is_pro_and_a_voided_one_is_not(
    stack: Stack, stripe: StripeSandbox, user: User
) -> None:
    """Also by reconciliation alone; red if only the end of the current period is read."""
    reconcile(stack)  # subscriptions of earlier tests
    begun = int(time.time()) - 45 * DAY
    voided = stripe.subscribe(user.id, started_at=begun, pause="void")
    paid_user = stack.user()
    paid = stripe.subscribe(paid_user.id, started_at=begun)
    stripe.ask("POST", f"/subscriptions/{paid}", **{"pause_collection[behavior]": "void"})
    assert reconcile(stack)["repaired"] == 2
    shown = ok(user.http.get("/subscription/status"))
    assert (shown["plan"], shown["status"], shown["pro_until"]) == ("basic", "active", None)
    kept = ok(paid_user.http.get("/subscription/status"))
    assert (kept["plan"], kept["pro_until"]) == ("pro", kept["current_period_end"])
    assert reconcile(stack)["repaired"] == 0
    stripe.ask("POST", f"/subscriptions/{voided}", pause_collection="")
    assert reconcile(stack)["repaired"] == 1
    assert ok(user.http.get("/subscription/status"))["plan"] == "pro"


def test_pro_ends_by_time_without_an_event_of_stripe(stack: Stack, stripe: StripeSandbox, user: User) -> None:
    """Red if only the next sync ends it: in the responses, and in the quota of a message."""
    subscription = stripe.subscribe(user.id)
    stripe.ask("POST", f"/subscriptions/{subscription}", **{"pause_collection[behavior]": "void"})
    assert stripe.tell(subscription) == "applied"
    room = user.open_room()
    for number in range(6):
        assert user.post(room, f"Message {number}", Prefer="respond-async").status_code == 202
    stack.database.run(
        "UPDATE subscriptions SET current_period_end = now() WHERE stripe_subscription_id = %s", subscription
    )
    assert ok(user.http.get("/subscription/status"))["plan"] == "basic"
    assert ok(user.http.get("/user/me"))["plan"] == "basic"
    problem(user.post(room, "One more", Prefer="respond-async"), 429, "daily_limit_reached")


def test_buying_anew_after_a_pause_is_paid_once(buyer: Buyer) -> None:
    """The paused one is cancelled, like an unpaid one; red if it ranks first."""
    ok(buyer.subscribe())
    buyer.stripe.order("webhooks", deliver=True)
    old = buyer.stripe.subscribe(
        buyer.user.id, customer=buyer.customer(), started_at=int(time.time()) - 45 * DAY, pause="void"
    )
    buyer.wait_until(plan="basic", status="active")
    buyer.become_pro()
    eventually(lambda: buyer.stripe.status(old) == "canceled", what="the end of the paused one")
    assert buyer.subscription() != old
    assert buyer.status()["plan"] == "pro"


def test_a_paused_subscription_can_be_cancelled_and_resumed(buyer: Buyer) -> None:
    buyer.become_pro()
    _pause(buyer, "void")
    cancelled = buyer.act("cancel")
    assert (cancelled["plan"], cancelled["cancel_at_period_end"]) == ("pro", True)
    assert buyer.act("resume")["cancel_at_period_end"] is False


@pytest.mark.parametrize(
    ("status", "voided", "ends_in_hours", "plan", "until"),
    [
        ("active", None, -1, Plan.PRO, False),
        ("active", VoidedPeriod.NEXT, 1, Plan.PRO, True),
        ("active", VoidedPeriod.NEXT, 0, Plan.BASIC, False),
        ("active", VoidedPeriod.NEXT, -1, Plan.BASIC, False),
        ("active", VoidedPeriod.CURRENT, 1, Plan.BASIC, False),
        ("trialing", VoidedPeriod.NEXT, 1, Plan.PRO, True),
        ("past_due", VoidedPeriod.CURRENT, 1, Plan.BASIC, False),
        ("canceled", VoidedPeriod.NEXT, 1, Plan.BASIC, False),
    ],
)
def test_the_plan_of_a_voided_period(
    status: str, voided: VoidedPeriod | None, ends_in_hours: int, plan: Plan, *, until: bool
) -> None:
    end = _NOW + timedelta(hours=ends_in_hours)
    row = Subscription(
        status=status,
        voided_period=voided,
        current_period_end=end,
        cancel_at_period_end=False,
        grace_until=_NOW + timedelta(days=1),
    )
    assert row.plan_at(_NOW) is plan
    assert row.pro_until(_NOW) == (end if until else None)


def _bill(status: str, *, day: int = 0, reason: str | None = "subscription_cycle") -> Json:
    return {"id": "in_1", "status": status, "created": 1_800_000_000 + day * DAY, "billing_reason": reason}


@pytest.mark.parametrize(
    ("bills", "expected"),
    [
        ([_bill("void")], True),
        ([_bill("void", reason=None)], True),
        ([_bill("draft")], True),
        ([_bill("paid")], False),
        ([_bill("uncollectible")], False),
        ([_bill("void", day=-30), _bill("paid")], False),
        ([_bill("paid", day=-30), _bill("void")], True),
        ([_bill("void"), _bill("paid", day=2)], False),
        ([_bill("void", day=3, reason="subscription_update"), _bill("paid")], False),
        ([], False),
    ],
)
def test_only_invoices_of_the_current_period_decide_whether_it_is_voided(
    bills: list[Json], *, expected: bool
) -> None:
    period = {"current_period_start": 1_800_000_000, "current_period_end": 1_800_000_000 + 30 * DAY}
    subscription = subscription_from(
        {"id": "sub_1", "status": "active", "created": 1_700_000_000, "customer": "cus_1", **period}
    )
    assert is_voided(bills, subscription) is expected
