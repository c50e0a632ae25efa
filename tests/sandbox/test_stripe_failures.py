"""Idempotency keys, and the failures a test can order: refused, lost, hung and held requests."""

import concurrent.futures

import httpx
import pytest
import stripe
from pydantic import JsonValue

from tests.sandbox.stripe_running import DAY, Account, sdk, wait_for

BEARER = {"authorization": "Bearer sk_test_x"}


def post_customer(account: Account, key: str, **form: str) -> httpx.Response:
    return account.http.post("/v1/customers", data=form, headers={**BEARER, "idempotency-key": key})


def customers(account: Account) -> int:
    return len(account.client.v1.customers.list({"limit": 100}).data)


def test_same_key_and_parameters_replay_the_first_answer(account: Account) -> None:
    """Red when the key was not looked up before the request was executed."""
    first = post_customer(account, "key", email="a@example.com")
    second = post_customer(account, "key", email="a@example.com")
    assert (second.status_code, second.content) == (200, first.content)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"]
    assert second.headers["request-id"] != first.headers["request-id"]
    assert customers(account) == 1
    assert account.types_of_events() == ["customer.created"]


def test_same_key_with_other_parameters_or_path_is_refused(account: Account) -> None:
    for created in ("a@example.com", "b@example.com"):
        if created.startswith("a"):
            account.client.v1.customers.create({"email": created}, options={"idempotency_key": "key"})
            continue
        with pytest.raises(stripe.IdempotencyError, match="same parameters") as error:
            account.client.v1.customers.create({"email": created}, options={"idempotency_key": "key"})
        assert error.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        account.checkout(account.customer(), key="key")
    assert customers(account) == 2


def test_key_in_use_is_a_conflict(account: Account) -> None:
    account.order("stripe/failures", path_contains="customers", mode="hold_before")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(post_customer, account, "key")
        wait_for(lambda: any(call["waiting"] for call in account.calls("customers")))
        conflict = post_customer(account, "key")
        assert account.http.delete("/sandbox/stripe/failures").status_code == 204
        assert first.result().status_code == 200
    error = conflict.json()["error"]
    assert (conflict.status_code, error["code"]) == (409, "idempotency_key_in_use")
    assert post_customer(account, "key").headers["idempotent-replayed"] == "true"
    assert customers(account) == 1


def test_answers_of_executed_requests_are_kept_also_refusals_but_not_bad_parameters(account: Account) -> None:
    form = {"customer": "cus_none"}
    headers = {**BEARER, "idempotency-key": "executed"}
    for replayed in (None, "true"):
        answer = account.http.post("/v1/billing_portal/sessions", data=form, headers=headers)
        assert (answer.status_code, answer.headers.get("idempotent-replayed")) == (400, replayed)
    assert post_customer(account, "invalid", emial="x").status_code == 400
    assert post_customer(account, "invalid", email="x").status_code == 200


def test_keys_are_forgotten_after_a_day_of_stripes_time(account: Account) -> None:
    post_customer(account, "key")
    account.order("clock", advance=DAY - 60)
    assert post_customer(account, "key").headers["idempotent-replayed"] == "true"
    account.order("clock", advance=120)
    assert "idempotent-replayed" not in post_customer(account, "key").headers
    assert customers(account) == 2


def test_sdk_gets_one_object_though_its_first_answer_was_lost(account: Account) -> None:
    """Red when the answer was kept only after it had been sent."""
    account.order("stripe/failures", path_contains="/v1/customers", method="POST", mode="drop_after")
    created = sdk(account.url, retries=1).v1.customers.create({"email": "a@example.com"})
    assert customers(account) == 1
    lost, replayed = account.calls("/v1/customers", "POST")
    assert (lost["failure"], lost["executed"], lost["status"]) == ("drop_after", True, None)
    assert (replayed["executed"], replayed["replayed"], replayed["status"]) == (False, True, 200)
    assert lost["idempotency_key"] == replayed["idempotency_key"]
    assert lost["params"] == {"email": "a@example.com"}
    assert created.email == "a@example.com"


@pytest.mark.parametrize(
    ("mode", "error", "status"),
    [
        ("500", stripe.APIError, 500),
        ("429", stripe.RateLimitError, 429),
        ("drop_before", stripe.APIConnectionError, None),
    ],
)
def test_failed_request_is_not_executed(
    account: Account, mode: str, error: type[stripe.StripeError], status: int | None
) -> None:
    account.order("stripe/failures", path_contains="customers", mode=mode, times=2)
    for _ in range(2):
        with pytest.raises(error) as failed:
            account.customer()
        assert failed.value.http_status == status
    account.customer()
    assert customers(account) == 1


def test_failure_acts_only_where_it_was_ordered(account: Account) -> None:
    account.order("stripe/failures", path_contains="/subscriptions", method="GET", mode="500")
    customer = account.customer()
    assert account.client.v1.customers.retrieve(customer).id == customer
    with pytest.raises(stripe.APIError):
        account.client.v1.subscriptions.list()
    assert account.client.v1.subscriptions.list().data == []


def test_hung_request_is_never_executed_and_gives_its_key_back_when_the_client_leaves(
    account: Account,
) -> None:
    account.order("stripe/failures", path_contains="customers", mode="hang")
    headers = {**BEARER, "idempotency-key": "key"}
    with pytest.raises(httpx.ReadTimeout):
        account.http.post("/v1/customers", headers=headers, timeout=0.2)
    wait_for(lambda: post_customer(account, "key").status_code == 200)
    assert customers(account) == 1


def test_held_request_is_executed_though_its_client_has_left(account: Account) -> None:
    """As with the real one: a client's timeout says nothing about what the server still does."""
    account.order("stripe/failures", path_contains="customers", mode="hold_before")
    with pytest.raises(httpx.ReadTimeout):
        account.http.post("/v1/customers", headers=BEARER, timeout=0.2)
    assert customers_listed_by_calls(account) == [False]
    account.http.delete("/sandbox/stripe/failures")
    wait_for(lambda: customers_listed_by_calls(account) == [True])
    assert customers(account) == 1


def customers_listed_by_calls(account: Account) -> list[bool]:
    return [call["executed"] for call in account.calls("customers", "POST")]


def test_held_answer_is_as_old_as_it_was_when_it_was_made(account: Account) -> None:
    """What a product that writes answers in the order of their arrival gets wrong."""
    subscription = account.subscribed()
    account.order("stripe/failures", path_contains=subscription.id, method="GET", mode="hold_after")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        old = pool.submit(sdk(account.url).v1.subscriptions.retrieve, subscription.id)
        path = f"/v1/subscriptions/{subscription.id}"
        wait_for(lambda: any(call["waiting"] for call in account.calls(path, "GET")))
        account.client.v1.subscriptions.cancel(subscription.id)
        account.http.delete("/sandbox/stripe/failures")
        assert old.result().status == "active"
    assert account.subscription(subscription.id).status == "canceled"


def test_held_request_is_cut_off_when_everything_is_forgotten(account: Account) -> None:
    """Red when a hold left over from one test was executed in the next one's account."""
    account.order("stripe/failures", path_contains="customers", mode="hold_before", times=2)
    with pytest.raises(httpx.ReadTimeout):
        account.http.post("/v1/customers", headers=BEARER, timeout=0.2)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        staying = pool.submit(post_customer, account, "key")
        wait_for(lambda: [call["waiting"] for call in account.calls("customers")] == [True, True])
        assert account.http.delete("/sandbox/stripe").status_code == 204
        with pytest.raises(httpx.TransportError):
            staying.result()
    assert customers(account) == 0


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("clock", {}),
        ("clock", {"advance": 1, "to": 2}),
        ("clock", {"to": 1}),
        ("clock", {"advance": -1}),
        ("clock", {"to": 10**18}),
        ("clock", {"advance_to": "period_end"}),
        ("clock", {"advance_to": "christmas"}),
        ("stripe/payments", {"outcome": "maybe"}),
        ("stripe/payments", {"outcome": "pay", "customer": "cus_none"}),
        ("stripe/failures", {"mode": "503"}),
        ("stripe/webhooks", {"uri": "http://127.0.0.1"}),
        ("stripe/webhooks/redeliver", {"events": ["evt_none"]}),
        ("stripe/subscriptions", {"customer": "cus_none"}),
    ],
)
def test_control_refuses_what_it_does_not_know(
    account: Account, path: str, order: dict[str, JsonValue]
) -> None:
    answer = account.http.post(f"/sandbox/{path}", json=order)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_everything_is_forgotten_at_once(account: Account) -> None:
    account.subscribed()
    account.order("clock", advance=40 * DAY)
    account.order("stripe/payments", outcome="decline")
    account.order("stripe/failures", mode="500", times=9)
    assert account.http.delete("/sandbox/stripe").status_code == 204
    assert account.calls("") == []
    assert account.events() == []
    assert customers(account) == 0
    assert account.http.get("/sandbox/clock").json()["ahead"] == 0
    assert account.press(account.checkout(), "pay").status_code == 303
