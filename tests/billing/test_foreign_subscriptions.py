"""Only subscriptions to Pro's product, or with our metadata, are stored and changed; others are ignored."""

import uuid

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.buyer import Buyer
from tests.support.stack import Stack
from tests.support.stripe import StripeSandbox, reconcile
from tests.support.user import ok, problem
from tests.support.waiting import eventually

_PRO, _EARLIER, _OTHER = "price_sandbox_pro", "price_sandbox_pro_earlier", "price_sandbox_other"


def _move(stripe: StripeSandbox, subscription: str, price: str) -> None:
    """Change a subscription's product, as the customer portal does."""
    [item] = stripe.ask("GET", f"/subscriptions/{subscription}")["items"]["data"]
    changes = {"items[0][id]": item["id"], "items[0][price]": price}
    stripe.ask("POST", f"/subscriptions/{subscription}", **changes)


def _unmark(stripe: StripeSandbox, subscription: str) -> None:
    """Remove the metadata, so that only the product shows that a subscription is ours."""
    marks = {f"metadata[{name}]": "" for name in ("user_id", "installation_id")}
    stripe.ask("POST", f"/subscriptions/{subscription}", **marks)


def _metric(stack: Stack, name: str) -> float:
    token = {"Authorization": f"Bearer {stack.settings['METRICS_TOKEN']}"}
    text = httpx.get(f"{stack.base_url}/metrics", headers=token, trust_env=False).text
    [value] = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]
    return value


def test_pro_moved_to_another_product_ends_and_is_then_ignored(stack: Stack, buyer: Buyer) -> None:
    """Red if its metadata makes it Pro, and if it is cancelled as a second one."""
    reconcile(stack)  # subscriptions of earlier tests
    query = {"session_id": buyer.become_pro()["session_id"]}
    moved = buyer.subscription()
    _move(buyer.stripe, moved, _EARLIER)
    assert buyer.status(**query)["plan"] == "pro"
    _move(buyer.stripe, moved, _OTHER)
    assert reconcile(stack)["repaired"] == 1
    over = buyer.status()
    assert (over["plan"], over["status"]) == ("basic", "canceled")
    assert buyer.status(**query) == over
    problem(buyer.user.http.post("/subscription/cancel"), 409, "not_subscribed")
    assert reconcile(stack)["repaired"] == 0
    again = buyer.become_pro()
    assert reconcile(stack)["repaired"] == 0
    living = {each["id"]: each for each in buyer.stripe.listed("subscriptions", customer=buyer.customer())}
    assert len(living) == 2
    assert living[moved]["cancel_at_period_end"] is False
    [bought] = living.keys() - {moved}
    buyer.stripe.cancel(bought)
    assert buyer.status(session_id=again["session_id"])["plan"] == "basic"
    _move(buyer.stripe, moved, _PRO)
    assert buyer.status(**query)["plan"] == "pro"


def test_another_subscription_that_is_moved_to_pro_becomes_ours(buyer: Buyer) -> None:
    ok(buyer.subscribe())
    other = buyer.stripe.subscribe(None, customer=buyer.customer(), price=_OTHER)
    assert buyer.stripe.tell(other) == "not_ours"
    _move(buyer.stripe, other, _EARLIER)
    buyer.stripe.order("webhooks", deliver=True)
    buyer.stripe.order("webhooks/redeliver", type="customer.subscription.updated", pending_only=False)
    buyer.wait_until(plan="pro", status="active")


def test_pro_sold_along_with_something_else_is_pro(stack: Stack, buyer: Buyer) -> None:
    """Red if only the first item is read."""
    ok(buyer.subscribe())
    both = buyer.stripe.subscribe(None, customer=buyer.customer(), price=_OTHER, more_prices=[_PRO])
    assert buyer.stripe.tell(both) == "applied"
    assert buyer.status()["plan"] == "pro"
    assert len(ok(buyer.user.http.get("/subscription/invoices"))["invoices"]) == 1
    items = buyer.stripe.ask("GET", f"/subscriptions/{both}")["items"]["data"]
    changes = {"items[0][id]": items[1]["id"], "items[0][deleted]": "true"}
    buyer.stripe.ask("POST", f"/subscriptions/{both}", **changes)
    reconcile(stack)
    assert buyer.status()["plan"] == "basic"
    assert buyer.stripe.status(both) == "active"


@pytest.mark.parametrize(
    ("price", "is_marked"),
    [
        (_EARLIER, False),  # another price of the product
        (_OTHER, True),  # Pro is another product from now on
        ("price_gone", False),  # a mistake: the product is unknown
        ("", False),
    ],
)
def test_paid_pro_stays_when_the_setting_changes(
    stack: Stack, buyer: Buyer, price: str, *, is_marked: bool
) -> None:
    """Red if prices are compared, and if an unknown price makes our subscription foreign."""
    query = {"session_id": buyer.become_pro()["session_id"]}
    if not is_marked:
        _unmark(buyer.stripe, buyer.subscription())
    there = Buyer(buyer.user.at(stack.start_api(STRIPE_PRO_PRICE_ID=price)), buyer.stripe)
    for _ in range(2):
        assert there.status(**query)["plan"] == "pro"
    assert buyer.status(**query)["plan"] == "pro"


def test_without_a_known_price_no_new_subscription_counts_as_pro(stack: Stack, stripe: StripeSandbox) -> None:
    user = stack.user()
    customer = stripe.customer()
    stack.database.run("INSERT INTO stripe_customers VALUES (%s, %s, now())", user.id, customer)
    stack.database.run(
        "INSERT INTO checkouts (id, user_id, success_url, cancel_url, session_id, created_at)"
        " VALUES (gen_random_uuid(), %s, '', '', %s, now())",
        user.id,
        session := _paid_session(stripe, customer, _OTHER),
    )
    there = user.at(stack.start_api(STRIPE_PRO_PRICE_ID="price_gone"))
    assert ok(there.http.get("/subscription/status", params={"session_id": session}))["plan"] == "basic"


def _open_session(stripe: StripeSandbox, customer: str, price: str, user_id: str) -> dict[str, str]:
    """A payment page of another app on the account."""
    wanted = {
        "line_items[0][price]": price,
        "line_items[0][quantity]": "1",
        "metadata[user_id]": user_id,
    }
    page = "https://other.example/"
    made = stripe.ask(
        "POST", "/checkout/sessions", mode="subscription", customer=customer, success_url=page, **wanted
    )
    return {"id": made["id"], "url": made["url"]}


def _paid_session(stripe: StripeSandbox, customer: str, price: str) -> str:
    session = _open_session(stripe, customer, price, str(uuid.uuid4()))
    assert httpx.post(session["url"], data={"action": "pay"}).status_code == 303
    return session["id"]


def test_only_invoices_for_pro_are_listed(buyer: Buyer) -> None:
    """Red if all invoices of the customer are listed; in pages, too."""
    buyer.become_pro()
    customer = buyer.customer()
    for _ in range(3):
        buyer.stripe.subscribe(None, customer=customer, price=_OTHER)
    buyer.stripe.pass_time(advance_to="period_end")
    buyer.stripe.pass_time(advance=3600)
    shown = ok(buyer.user.http.get("/subscription/invoices"))
    assert [bill["amount_due"] for bill in shown["invoices"]] == [2000, 2000]
    assert shown["next_cursor"] is None
    found, query = [], {"limit": 1}
    while True:
        page = ok(buyer.user.http.get("/subscription/invoices", params=query))
        found += [bill["id"] for bill in page["invoices"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == [bill["id"] for bill in shown["invoices"]]


def test_deleting_the_account_leaves_what_others_sell_to_the_customer(stack: Stack, buyer: Buyer) -> None:
    """Also a payment page; red if everything with a `user_id` counts as ours."""
    buyer.become_pro()
    ours, customer = buyer.subscription(), buyer.customer()
    theirs = buyer.stripe.subscribe(None, customer=customer, price=_OTHER, metadata={"plan": "weekly"})
    page = _open_session(buyer.stripe, customer, _OTHER, str(uuid.uuid4()))
    assert reconcile(stack)
    assert _metric(stack, "stripe_subscriptions_ignored") == 1
    before = buyer.stripe.ask("GET", f"/subscriptions/{theirs}")
    assert buyer.user.http.delete("/user/me").status_code == 202
    eventually(
        lambda: not stack.database.rows("SELECT FROM deletions WHERE user_id = %s", buyer.user.id),
        what="the end of the account",
    )
    assert buyer.stripe.status(ours) == "canceled"
    assert buyer.stripe.ask("GET", f"/subscriptions/{theirs}") == before
    assert buyer.stripe.ask("GET", f"/checkout/sessions/{page['id']}")["status"] == "open"
    reconcile(stack)
    assert buyer.stripe.ask("GET", f"/subscriptions/{theirs}") == before
    assert _metric(stack, "stripe_subscriptions_ignored") == 0


@pytest.mark.parametrize("gone", ["deleted", "unknown"])
@pytest.mark.parametrize("action", ["portal", "cancel", "resume", "invoices"])
def test_a_customer_missing_at_stripe_is_removed_at_once(buyer: Buyer, gone: str, action: str) -> None:
    """Red if it is reported as an outage, or the status still says `pro`."""
    buyer.become_pro()
    before = buyer.customer()
    if gone == "deleted":
        buyer.stripe.ask("DELETE", f"/customers/{before}")
    else:
        buyer.stripe.reset(deliver=False)
    if action == "invoices":
        bills = ok(buyer.user.http.get("/subscription/invoices"))["invoices"]
        assert len(bills) == (gone == "deleted")  # Stripe still lists those of a deleted customer
        if gone == "deleted":
            return
    else:
        problem(buyer.user.http.post(f"/subscription/{action}"), 409, "not_subscribed")
    status = buyer.status()
    assert (status["plan"], status["status"]) == ("basic", "canceled")
    buyer.become_pro()
    assert buyer.customer() != before
    assert ok(buyer.user.http.post("/subscription/portal"))["url"]
