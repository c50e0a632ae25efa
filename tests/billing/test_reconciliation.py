"""Webhooks can be lost; an hourly comparison with Stripe repairs what they would have changed."""

import time

import pytest

from tests.support.stack import Stack
from tests.support.stripe import DAY, StripeSandbox, leave_tombstone, reconcile, reports, some_users
from tests.support.user import User, ok
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version


def _tally(stack: Stack) -> int:
    """Return the repaired subscriptions of all runs, as operators see them."""
    tally = stack.database.value("SELECT tally FROM periodic_jobs WHERE name = 'stripe_reconciliation'")
    assert isinstance(tally, int)
    return tally


@pytest.fixture(autouse=True)
def _nothing_left_to_repair(stack: Stack, stripe: StripeSandbox) -> None:
    """Repair what earlier tests stored, which the empty account does not have."""
    assert stripe.events() == []
    reconcile(stack)


def test_one_run_repairs_a_day_without_webhooks(stack: Stack, stripe: StripeSandbox, user: User) -> None:
    """Red without a run; the next run finds nothing."""
    begun, paid, late, ended, cancelled, lost = some_users(stack, 6)
    old = {
        user_id: stripe.subscribe(user_id, started_at=int(time.time()) - DAY)
        for user_id in (ended, cancelled)
    }
    lost_id = f"sub_{lost}"
    stack.database.run(
        "INSERT INTO subscriptions (id, user_id, stripe_subscription_id, status, cancel_at_period_end,"
        " created_at, updated_at)"
        " VALUES (gen_random_uuid(), %s, %s, 'active', false, now() - interval '1 day', now())",
        lost,
        lost_id,
    )
    reconcile(stack)
    assert all(stripe.is_stored_as(subscription, "active") for subscription in old.values())
    assert stripe.is_stored_as(lost_id, "canceled")

    new = {user_id: stripe.subscribe(user_id) for user_id in (begun, paid, user.id)}
    behind = stripe.subscribe(late, status="past_due")
    stripe.cancel(old[ended])
    stripe.change(old[cancelled], ends=True)
    nobodys = stripe.subscribe(None)
    tally = _tally(stack)
    report = reconcile(stack)
    assert report["repaired"] == 6
    eventually(lambda: _tally(stack) == tally + 6, what="the drift in the counter of operators")
    assert all(stripe.is_stored_as(subscription, "active") for subscription in new.values())
    assert stripe.is_stored_as(behind, "past_due")
    assert stripe.is_stored_as(old[ended], "canceled")
    row = stripe.stored(old[cancelled])
    assert row is not None
    assert row["cancel_at_period_end"] is True
    assert stripe.stored(nobodys) is None
    assert ok(user.http.get("/subscription/status"))["plan"] == "pro"
    assert reconcile(stack)["repaired"] == 0


def test_a_run_cancels_a_subscription_of_a_deleted_account(stack: Stack, stripe: StripeSandbox) -> None:
    [user] = some_users(stack, 1)
    leave_tombstone(stack, user)
    subscription = stripe.subscribe(user)
    assert reconcile(stack)["repaired"] == 1
    assert stripe.status(subscription) == "canceled"
    assert reconcile(stack)["repaired"] == 0


def test_a_run_reads_every_page(stack: Stack, stripe: StripeSandbox) -> None:
    users = some_users(stack, 120)
    customer = stripe.customer()
    subscriptions = [stripe.subscribe(user, customer=customer) for user in users]
    assert reconcile(stack)["repaired"] == 120
    assert all(stripe.is_stored_as(subscription, "active") for subscription in subscriptions)


def test_a_run_interrupted_by_stripe_is_repeated(stack: Stack, stripe: StripeSandbox) -> None:
    [user] = some_users(stack, 1)
    subscription = stripe.subscribe(user)
    stripe.fail("500", "/subscriptions", times=2)
    stack.database.run("UPDATE periodic_jobs SET next_run_at = now() WHERE name = 'stripe_reconciliation'")
    soon = "SELECT next_run_at < now() + interval '5 minutes' AND next_run_at > now() FROM periodic_jobs"
    eventually(
        lambda: stack.database.value(f"{soon} WHERE name = 'stripe_reconciliation'"), what="another try soon"
    )
    reconcile(stack)
    assert stripe.is_stored_as(subscription, "active")


def test_two_workers_share_one_run(stack: Stack, stripe: StripeSandbox) -> None:
    """Red without the claim."""
    other = stack.start_worker()
    users = some_users(stack, 3)
    for user in users:
        stripe.subscribe(user)
    stripe.fail("hold_before", "/v1/subscriptions", times=10)
    before = len(reports(stack))
    stack.database.run("UPDATE periodic_jobs SET next_run_at = now() WHERE name = 'stripe_reconciliation'")
    eventually(lambda: any(call["waiting"] for call in stripe.calls("/v1/subscriptions")), what="a run")
    time.sleep(3)  # both workers poll every second
    assert sum(call["waiting"] for call in stripe.calls("/v1/subscriptions")) == 1
    stripe.end_failures()
    eventually(lambda: len(reports(stack)) > before, what="its end")
    assert len(reports(stack)) == before + 1
    assert other.stop() == 0
