"""Nothing is cancelled at Stripe without proof, so installations and apps can share an account."""

import json
import time
import uuid

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.buyer import Buyer
from tests.support.stack import Stack
from tests.support.stripe import DAY, StripeSandbox, leave_tombstone, reconcile, some_users
from tests.support.user import Json, User, ok, problem
from tests.support.waiting import eventually

pytestmark = pytest.mark.server_version

_OTHER, _EARLIER = "price_sandbox_other", "price_sandbox_pro_earlier"


def _logged(stack: Stack, event: str) -> list[Json]:
    return [json.loads(line) for line in stack.logs().splitlines() if f'"{event}"' in line]


def _gauge(stack: Stack, name: str) -> float:
    token = {"Authorization": f"Bearer {stack.settings['METRICS_TOKEN']}"}
    text = httpx.get(f"{stack.base_url}/metrics", headers=token, trust_env=False).text
    [value] = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]
    return value


def _anothers(user_id: str) -> Json:
    return {"user_id": user_id, "installation_id": str(uuid.uuid4())}


def _plan(user: User) -> str:
    plan: str = ok(user.http.get("/subscription/status"))["plan"]
    return plan


@pytest.fixture
def elsewhere(stack: Stack, stripe: StripeSandbox, own_stack: Stack) -> Stack:
    """A second installation with another database on the same account."""
    assert stripe.events() == []
    own_stack.settings["STRIPE_API_BASE"] = stack.sandbox_url
    return own_stack


def test_an_empty_database_on_a_live_account_cancels_nothing(
    stack: Stack, stripe: StripeSandbox, elsewhere: Stack
) -> None:
    """Red if an unknown user counts as deleted, and if the first run does not wait."""
    paid = [stripe.subscribe(user) for user in some_users(stack, 3)]
    older = [stripe.subscribe(None, metadata={"user_id": str(uuid.uuid4())}) for _ in range(2)]
    another_apps = stripe.subscribe(None, price=_OTHER, metadata={"user_id": str(uuid.uuid4())})
    elsewhere.database.run("DELETE FROM installation")  # as in a copy that gets another id
    elsewhere.start_worker()
    for runs in (1, 2):  # one worker runs all periodic jobs one by one
        done = '"periodic_job_done"'
        eventually(lambda: elsewhere.logs().count(done) >= runs, what="a run")  # noqa: B023  # ends here
        elsewhere.database.run("UPDATE periodic_jobs SET next_run_at = now() WHERE name = 'purge'")
    due = "SELECT next_run_at - now() > interval '55 minutes' FROM periodic_jobs"
    assert elsewhere.database.value(f"{due} WHERE name = 'stripe_reconciliation'") is True
    assert stripe.calls("/v1/subscriptions") == []
    assert reconcile(elsewhere)["repaired"] == 0
    assert {stripe.status(each) for each in (*paid, *older, another_apps)} == {"active"}
    assert stripe.calls("/v1/subscriptions", "DELETE") == []
    assert _gauge(elsewhere, "stripe_subscriptions_of_other_installations") == 3
    assert _gauge(elsewhere, "stripe_subscriptions_of_unknown_users") == 2
    assert elsewhere.database.value("SELECT count(*) FROM installation") == 1
    [alert] = _logged(elsewhere, "stripe_subscriptions_unresolved")
    assert (alert["level"], alert["found"]) == ("error", {"other_installation": 3, "unknown_user": 2})


def test_a_restored_backup_cancels_nothing(stack: Stack, stripe: StripeSandbox) -> None:
    """The same installation without the users created after the backup; red as above."""
    reconcile(stack)  # subscriptions of earlier tests
    known, *lost = some_users(stack, 4)
    paid = [stripe.subscribe(user) for user in (known, *lost)]
    assert reconcile(stack)["repaired"] == 4
    stack.database.run("DELETE FROM users WHERE id = ANY(%s)", [uuid.UUID(user) for user in lost])
    assert reconcile(stack)["repaired"] == 0
    for subscription in paid[1:]:
        assert stripe.tell(subscription) == "unknown_user"
    assert {stripe.status(each) for each in paid} == {"active"}
    assert _gauge(stack, "stripe_subscriptions_of_unknown_users") == 3
    assert {line["subscription_id"] for line in _logged(stack, "subscription_of_unknown_user")} >= set(
        paid[1:]
    )


def test_two_installations_share_an_account(stack: Stack, stripe: StripeSandbox, elsewhere: Stack) -> None:
    """Each repairs its own subscriptions, and cancels those that are provably its own."""
    reconcile(stack)  # subscriptions of earlier tests
    elsewhere.start_worker()
    there = StripeSandbox(elsewhere, is_reset=False)
    [here_user], [there_user] = some_users(stack, 1), some_users(elsewhere, 1)
    [here_deleted], [there_deleted] = some_users(stack, 1), some_users(elsewhere, 1)
    leave_tombstone(stack, here_deleted)
    leave_tombstone(elsewhere, there_deleted)
    here, late_here = stripe.subscribe(here_user), stripe.subscribe(here_deleted)
    theirs, late_there = there.subscribe(there_user), there.subscribe(there_deleted)
    eventually(lambda: elsewhere.database.rows("SELECT FROM periodic_jobs"), what="the jobs")
    assert reconcile(stack)["repaired"] == 2
    assert (stripe.status(late_here), stripe.status(late_there)) == ("canceled", "active")
    assert reconcile(elsewhere)["repaired"] == 2
    assert stripe.status(late_there) == "canceled"
    assert (stripe.status(here), stripe.status(theirs)) == ("active", "active")
    assert stripe.stored(theirs) is None
    assert there.stored(here) is None
    assert there.is_stored_as(theirs, "active")


@pytest.mark.parametrize("proof", ["installation", "deletion"])
def test_a_deleted_accounts_subscription_is_cancelled_on_proof(
    stack: Stack, stripe: StripeSandbox, proof: str
) -> None:
    """Before installations had ids, the deletion's own row names the customer."""
    [user], customer = some_users(stack, 1), stripe.customer()
    leave_tombstone(stack, user)
    if proof == "installation":
        subscription = stripe.subscribe(user, customer=customer)
    else:
        stack.database.run(
            "INSERT INTO deletions (id, user_id, stripe_customer_id, due_at)"
            " VALUES (gen_random_uuid(), %s, %s, now() + interval '1 hour')",
            user,
            customer,
        )
        subscription = stripe.subscribe(None, customer=customer, metadata={"user_id": user})
    assert stripe.tell(subscription) == "deleted_user"
    assert stripe.status(subscription) == "canceled"
    stack.database.run("DELETE FROM deletions WHERE user_id = %s", user)


@pytest.mark.parametrize(
    ("is_deleted", "metadata", "price", "outcome"),
    [
        (True, {}, "price_sandbox_pro", "unknown_user"),
        (True, {"installation_id": "another"}, "price_sandbox_pro", "other_installation"),
        (False, {"installation_id": "another"}, "price_sandbox_pro", "other_installation"),
        (False, {}, "price_sandbox_pro", "unknown_user"),
        (True, {}, _OTHER, "not_ours"),
        (False, {}, _OTHER, "not_ours"),
        (False, {"installation_id": "another"}, _OTHER, "not_ours"),
    ],
)
def test_without_proof_a_subscription_is_not_changed(
    stack: Stack, stripe: StripeSandbox, *, is_deleted: bool, metadata: Json, price: str, outcome: str
) -> None:
    """Red if the tombstone alone, or the installation alone, is enough."""
    user = str(uuid.uuid4())
    if is_deleted:
        leave_tombstone(stack, user)
    subscription = stripe.subscribe(None, price=price, metadata={"user_id": user, **metadata})
    assert stripe.tell(subscription) == outcome
    reconcile(stack)
    assert stripe.status(subscription) == "active"
    assert stripe.stored(subscription) is None


@pytest.mark.parametrize(("wanted", "cancelled"), [(5, 5), (6, 0)])
def test_a_run_that_would_cancel_many_cancels_none(
    stack: Stack, stripe: StripeSandbox, wanted: int, cancelled: int
) -> None:
    """Red without the limit; the log has the numbers."""
    users = some_users(stack, wanted)
    for user in users:
        leave_tombstone(stack, user)
    subscriptions = [stripe.subscribe(user) for user in users]
    before = len(_logged(stack, "stripe_cancellations_stopped"))
    assert reconcile(stack)["repaired"] == cancelled
    assert sum(stripe.status(each) == "canceled" for each in subscriptions) == cancelled
    stops = _logged(stack, "stripe_cancellations_stopped")[before:]
    assert [(line["level"], line["wanted"], line["most"]) for line in stops] == (
        [] if cancelled else [("error", 6, 5)]
    )


def test_deleting_the_account_leaves_the_proof(stack: Stack, stripe: StripeSandbox) -> None:
    """Red if the deletion stores no tombstone."""
    user = stack.user()
    assert user.http.delete("/user/me").status_code == 202
    eventually(
        lambda: not stack.database.rows("SELECT FROM deletions WHERE user_id = %s", user.id),
        what="the erasure",
    )
    subscription = stripe.subscribe(user.id)
    assert stripe.tell(subscription) == "deleted_user"
    assert stripe.status(subscription) == "canceled"


@pytest.mark.parametrize("first", ["theirs", "ours"])
def test_another_subscription_of_our_customer_is_ignored(stack: Stack, buyer: Buyer, first: str) -> None:
    """Red if price and product are ignored: it gave Pro, and cancelled the paid subscription."""
    ok(buyer.subscribe())
    customer = buyer.customer()

    def theirs() -> str:
        return buyer.stripe.subscribe(None, customer=customer, price=_OTHER)

    other = theirs() if first == "theirs" else ""
    if other:
        assert buyer.stripe.tell(other) == "not_ours"
        assert buyer.status()["plan"] == "basic"
        problem(buyer.user.http.post("/subscription/cancel"), 409, "not_subscribed")
    buyer.become_pro()
    other = other or theirs()
    assert buyer.stripe.tell(other) == "not_ours"
    assert buyer.act("cancel")["plan"] == "pro"
    reconcile(stack)
    living = {each["id"]: each for each in buyer.stripe.listed("subscriptions", customer=customer)}
    assert len(living) == 2
    assert living[other]["cancel_at_period_end"] is False


def test_what_an_earlier_version_stored_as_pro_by_mistake_is_deleted(
    stack: Stack, stripe: StripeSandbox, user: User
) -> None:
    """Red if the product of stored subscriptions is not checked."""
    reconcile(stack)  # subscriptions of earlier tests
    customer = stripe.customer()
    stack.database.run("INSERT INTO stripe_customers VALUES (%s, %s, now())", user.id, customer)
    other = stripe.subscribe(user.id, customer=customer, price=_OTHER)
    assert stripe.tell(other) == "applied"
    marks = {f"metadata[{name}]": "" for name in ("user_id", "installation_id")}
    stripe.ask("POST", f"/subscriptions/{other}", **marks)
    assert _plan(user) == "pro"
    assert reconcile(stack)["repaired"] == 1
    assert _plan(user) == "basic"
    assert stripe.status(other) == "active"


@pytest.mark.parametrize("evidence", ["product", "installation", "customer"])
def test_pro_at_an_earlier_price_is_pro(
    stack: Stack, stripe: StripeSandbox, user: User, evidence: str
) -> None:
    """By the price's product; if that changed, by our metadata, which once held only the user."""
    customer = stripe.customer()
    if evidence == "product":
        subscription = stripe.subscribe(None, metadata={"user_id": user.id}, price=_EARLIER)
    elif evidence == "installation":
        subscription = stripe.subscribe(user.id, price=_OTHER)
    else:
        stack.database.run("INSERT INTO stripe_customers VALUES (%s, %s, now())", user.id, customer)
        subscription = stripe.subscribe(None, customer=customer, metadata={"user_id": user.id}, price=_OTHER)
    assert stripe.tell(subscription) == "applied"
    assert _plan(user) == "pro"


@pytest.mark.parametrize(
    ("second_is", "left"), [("of another installation", 2), ("older", 2), ("older, at our customer", 1)]
)
def test_a_second_subscription_is_cancelled_only_if_both_are_provably_ours(
    stack: Stack, stripe: StripeSandbox, second_is: str, left: int
) -> None:
    """Red if any two subscriptions of a user count as ours."""
    [user], customer = some_users(stack, 1), stripe.customer()
    metadata = _anothers(user) if second_is == "of another installation" else {"user_id": user}
    if second_is == "older, at our customer":
        stack.database.run("INSERT INTO stripe_customers VALUES (%s, %s, now())", user, customer)
    subscriptions = [
        stripe.subscribe(user, started_at=int(time.time()) - DAY),
        stripe.subscribe(None, customer=customer, metadata=metadata),
    ]
    assert [stripe.tell(each) for each in subscriptions] == ["applied", "applied"]
    reconcile(stack)
    assert [stripe.status(each) for each in subscriptions].count("active") == left
    complaints = [line["unproved"] for line in _logged(stack, "duplicate_subscriptions_left")]
    assert ([subscriptions[1]] in complaints) == (left == 2)


def test_a_customer_with_foreign_subscriptions_outlives_the_account(stack: Stack, buyer: Buyer) -> None:
    """Red if the customer is deleted with its foreign subscriptions."""
    buyer.become_pro()
    ours, customer = buyer.subscription(), buyer.customer()
    theirs = buyer.stripe.subscribe(None, customer=customer, price=_OTHER)
    assert buyer.user.http.delete("/user/me").status_code == 202
    eventually(
        lambda: not stack.database.rows("SELECT FROM deletions WHERE user_id = %s", buyer.user.id),
        what="the end of the account",
    )
    assert (buyer.stripe.status(ours), buyer.stripe.status(theirs)) == ("canceled", "active")
