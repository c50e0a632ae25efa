"""The life of a subscription: cancel, resume, renewals, portal, invoices; Stripe's state counts."""

import time

import pytest

from tests.support.buyer import Buyer
from tests.support.stack import Stack
from tests.support.stripe import DAY
from tests.support.user import client, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version


def test_pro_lasts_to_the_end_of_the_period_that_was_paid(buyer: Buyer) -> None:
    room = buyer.user.open_room()
    checkout = buyer.become_pro()
    for number in range(6):
        assert buyer.user.post(room, f"Message {number}", Prefer="respond-async").status_code == 202
    cancelled = buyer.act("cancel")
    assert cancelled == buyer.status()
    assert (cancelled["plan"], cancelled["status"]) == ("pro", "active")
    assert cancelled["cancel_at_period_end"] is True
    assert buyer.user.post(room, "Still on Pro", Prefer="respond-async").status_code == 202
    buyer.stripe.pass_time(advance_to="period_end")
    ended = buyer.status(session_id=checkout["session_id"])
    assert (ended["plan"], ended["status"]) == ("basic", "canceled")
    assert (ended["usage"]["limit"], ended["usage"]["remaining"]) == (5, 0)
    problem(buyer.user.post(room, "Basic again"), 429, "daily_limit_reached")
    assert ok(buyer.subscribe())["session_id"] != checkout["session_id"]


def test_the_limits_of_pro_come_and_go_with_the_plan_from_the_next_request_on(buyer: Buyer) -> None:
    """Red if the process still uses the cached plan."""

    def policy() -> str:
        return buyer.user.http.get("/user/me").headers["ratelimit-policy"]

    assert '"pro"' not in policy()
    checkout = buyer.become_pro()
    assert '"pro"' in policy()
    buyer.stripe.cancel(buyer.subscription())
    assert buyer.status(session_id=checkout["session_id"])["plan"] == "basic"
    assert '"pro"' not in policy()


def test_cancel_and_resume_are_absolute(buyer: Buyer) -> None:
    checkout = buyer.become_pro()
    assert buyer.act("resume")["cancel_at_period_end"] is False
    for _ in range(2):
        assert buyer.act("cancel")["cancel_at_period_end"] is True
    for _ in range(2):
        assert buyer.act("resume")["cancel_at_period_end"] is False
    buyer.stripe.pass_time(advance_to="period_end")
    status = buyer.status(session_id=checkout["session_id"])
    assert (status["plan"], status["status"]) == ("pro", "active")


@pytest.mark.parametrize("action", ["cancel", "resume", "portal"])
def test_without_a_subscription_there_is_nothing_to_do(buyer: Buyer, action: str) -> None:
    problem(buyer.user.http.post(f"/subscription/{action}"), 409, "not_subscribed")
    assert buyer.stripe.calls("/v1/", "POST") == []


@pytest.mark.parametrize("action", ["cancel", "resume"])
def test_a_subscription_ended_at_stripe_is_synced(buyer: Buyer, action: str) -> None:
    buyer.become_pro()
    buyer.stripe.cancel(buyer.subscription())
    assert buyer.status()["plan"] == "pro"
    problem(buyer.user.http.post(f"/subscription/{action}"), 409, "not_subscribed")
    assert (buyer.status()["plan"], buyer.status()["status"]) == ("basic", "canceled")


@pytest.mark.parametrize("action", ["cancel", "resume", "portal", "invoices"])
def test_an_outage_of_stripe_is_reported(buyer: Buyer, action: str) -> None:
    buyer.become_pro()
    before = buyer.status()
    buyer.stripe.fail_all("drop_before")
    method = "GET" if action == "invoices" else "POST"
    answer = buyer.user.http.request(method, f"/subscription/{action}")
    problem(answer, 503, "service_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert buyer.status() == before


def test_a_cancellation_with_a_lost_response_can_be_repeated(buyer: Buyer) -> None:
    buyer.become_pro()
    buyer.stripe.fail("drop_after", "/v1/subscriptions/", method="POST", times=2)
    problem(buyer.user.http.post("/subscription/cancel"), 503, "service_unavailable")
    assert buyer.act("cancel")["cancel_at_period_end"] is True


def test_the_portal_is_stripes_page_and_leads_back(buyer: Buyer) -> None:
    buyer.become_pro()
    portal = ok(buyer.user.http.post("/subscription/portal"))
    assert portal.keys() == {"url"}
    back = buyer.stripe.press(portal["url"], "back")
    assert (back.status_code, back.headers["location"]) == (303, "http://localhost:8000")


def test_what_was_cancelled_in_the_portal_can_be_resumed(buyer: Buyer) -> None:
    checkout = buyer.become_pro()
    portal = ok(buyer.user.http.post("/subscription/portal"))["url"]
    buyer.stripe.press(portal, "cancel")
    status = buyer.status(session_id=checkout["session_id"])
    assert (status["plan"], status["cancel_at_period_end"]) == ("pro", True)
    assert buyer.act("resume")["cancel_at_period_end"] is False
    buyer.stripe.pass_time(advance_to="period_end")
    assert buyer.status(session_id=checkout["session_id"])["plan"] == "pro"


def test_invoices_are_paged_newest_first_and_only_the_users_own(stack: Stack, buyer: Buyer) -> None:
    assert ok(buyer.user.http.get("/subscription/invoices")) == {"invoices": [], "next_cursor": None}
    buyer.become_pro()
    for _ in range(2):
        buyer.stripe.pass_time(advance_to="period_end")
    page = ok(buyer.user.http.get("/subscription/invoices", params={"limit": 2}))
    assert [bill["status"] for bill in page["invoices"]] == ["paid", "paid"]
    query = {"limit": 2, "cursor": page["next_cursor"]}
    rest = ok(buyer.user.http.get("/subscription/invoices", params=query))
    assert rest["next_cursor"] is None
    bills = page["invoices"] + rest["invoices"]
    assert len({bill["id"] for bill in bills}) == len(bills) == 3
    moments = [bill["created_at"] for bill in bills]
    assert moments == sorted(moments, reverse=True)
    first = bills[-1]
    assert (first["amount_due"], first["amount_paid"], first["currency"]) == (2000, 2000, "usd")
    assert first["hosted_invoice_url"].startswith("http")
    assert first.keys() == {
        *("id", "number", "status", "amount_due", "amount_paid", "currency", "created_at"),
        *("hosted_invoice_url", "invoice_pdf"),
    }
    stranger = Buyer(stack.user(), buyer.stripe)
    assert ok(stranger.user.http.get("/subscription/invoices"))["invoices"] == []
    for cursor in (page["next_cursor"], "garbage"):
        answer = stranger.user.http.get("/subscription/invoices", params={"cursor": cursor})
        problem(answer, 400, "cursor_invalid")
    for limit in ("0", "101", "many"):
        answer = buyer.user.http.get("/subscription/invoices", params={"limit": limit})
        problem(answer, 400, "validation_failed")


def test_a_paid_renewal_continues_pro(buyer: Buyer) -> None:
    checkout = buyer.become_pro()
    before = buyer.status()["current_period_end"]
    buyer.stripe.pass_time(advance_to="period_end")
    after = buyer.status(session_id=checkout["session_id"])
    assert (after["plan"], after["status"]) == ("pro", "active")
    assert after["current_period_end"] > before


def test_an_unpaid_renewal_keeps_pro_for_the_grace(buyer: Buyer) -> None:
    checkout = buyer.become_pro()
    buyer.stripe.payments("decline")
    unpaid_from = buyer.status()["current_period_end"]
    buyer.stripe.pass_time(advance_to="period_end")
    overdue = buyer.status(session_id=checkout["session_id"])
    assert (overdue["plan"], overdue["status"]) == ("pro", "past_due")
    assert overdue["grace_until"] > unpaid_from
    problem(buyer.subscribe(), 409, "already_subscribed")
    buyer.stripe.payments("pay")
    buyer.stripe.press(ok(buyer.user.http.post("/subscription/portal"))["url"], "pay")
    paid = buyer.status(session_id=checkout["session_id"])
    assert (paid["plan"], paid["status"], paid["grace_until"]) == ("pro", "active", None)


@pytest.mark.parametrize("state", ["past_due", "unpaid"])
def test_after_the_grace_a_new_subscription_is_paid_once(buyer: Buyer, state: str) -> None:
    ok(buyer.subscribe())
    buyer.stripe.payments("decline")
    buyer.stripe.order("dunning", retry_after=[DAY], afterwards=state)
    buyer.stripe.order("webhooks", deliver=True)
    old = buyer.stripe.subscribe(
        buyer.user.id, customer=buyer.customer(), started_at=int(time.time()) - 45 * DAY
    )
    buyer.wait_until(plan="basic", status=state)
    buyer.stripe.payments("pay")
    buyer.become_pro()
    # A worker cancels it, possibly just after the buyer is on Pro.
    eventually(lambda: buyer.stripe.status(old) == "canceled", what="the end of the unpaid one")
    assert buyer.subscription() != old


def test_a_payment_after_the_grace_is_synced_before_pro_is_sold_again(buyer: Buyer) -> None:
    ok(buyer.subscribe())
    buyer.stripe.payments("decline")
    buyer.stripe.order("dunning", retry_after=[DAY], afterwards="past_due")
    buyer.stripe.order("webhooks", deliver=True)
    buyer.stripe.subscribe(buyer.user.id, customer=buyer.customer(), started_at=int(time.time()) - 45 * DAY)
    buyer.wait_until(plan="basic", status="past_due")
    buyer.stripe.order("webhooks", deliver=False)
    buyer.stripe.payments("pay")
    buyer.stripe.press(ok(buyer.user.http.post("/subscription/portal"))["url"], "pay")
    problem(buyer.subscribe(), 409, "already_subscribed")
    assert buyer.status()["plan"] == "pro"


def test_webhooks_alone_sync_a_subscription_from_start_to_end(buyer: Buyer) -> None:
    buyer.stripe.order("webhooks", deliver=True)
    buyer.pay(ok(buyer.subscribe()))
    buyer.wait_until(plan="pro", status="active")
    buyer.act("cancel")
    buyer.stripe.pass_time(advance_to="period_end")
    buyer.wait_until(plan="basic", status="canceled")
    assert buyer.subscribe().status_code == 201


def test_every_route_requires_signing_in(stack: Stack) -> None:
    with client(stack.base_url) as anyone:
        for action in ("subscribe/pro", "subscription/cancel", "subscription/resume", "subscription/portal"):
            problem(anyone.post(f"/{action}"), 401, "authentication_required")
        for shown in ("status", "invoices"):
            problem(anyone.get(f"/subscription/{shown}"), 401, "authentication_required")


def test_a_deleted_account_ends_at_stripe_too_even_after_an_outage(stack: Stack, buyer: Buyer) -> None:
    """Red if the erasure does not call Stripe, or deletes the customer's id before Stripe confirms."""
    buyer.become_pro()
    customer, subscription = buyer.customer(), buyer.subscription()
    buyer.stripe.fail_all("drop_before")
    assert buyer.user.http.delete("/user/me").status_code == 202
    user = buyer.user.id
    eventually(lambda: not stack.database.rows("SELECT FROM users WHERE id = %s", user), what="the erasure")
    [left] = stack.database.rows("SELECT stripe_customer_id FROM deletions WHERE user_id = %s", user)
    assert left == {"stripe_customer_id": customer}
    buyer.stripe.end_failures()
    eventually(
        lambda: not stack.database.rows("SELECT FROM deletions WHERE user_id = %s", user),
        seconds=60,
        what="Stripe's word that the customer is gone",
    )
    assert customer not in {one["id"] for one in buyer.stripe.listed("customers")}
    assert buyer.stripe.status(subscription) == "canceled"
