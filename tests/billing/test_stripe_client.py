"""Calls to Stripe: once per checkout, without personal data, and without cost to other requests."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from app.config import Settings
from app.services.account.stripe_cleanup import StripeCustomerCleanup
from app.stripe_client import CheckoutState, StripeGateway, StripeMissingError, StripeUnavailableError
from app.stripe_client.event import read_event
from app.stripe_client.parsing import (
    has_more,
    invoice_from,
    session_from,
    subscription_from,
    unpaid_since_times,
)
from tests.support.process import ROOT
from tests.support.stack import Stack
from tests.support.stripe import StripeSandbox
from tests.support.stripe_replaying_failures import StripeReplayingFailures

T = TypeVar("T")

_BACK = "http://localhost:8000/back"
_INSTALLATION = uuid4()


def _settings(stack: Stack, *, key: str = "sk_test_sandbox") -> Settings:
    return Settings(
        database_url=SecretStr(stack.database.url),
        redis_url=SecretStr(stack.redis_url),
        gemini_base_url=stack.sandbox_url,
        gemini_api_key=SecretStr("sandbox"),
        stripe_api_base=stack.sandbox_url,
        stripe_secret_key=SecretStr(key),
        stripe_pro_price_id="price_sandbox_pro",
    )


def _asking(stack: Stack, use: Callable[[StripeGateway], Awaitable[T]], **settings: str) -> T:
    """Return the result of using a new gateway, which is then closed."""

    async def run() -> T:
        gateway = StripeGateway(_settings(stack, **settings))
        try:
            return await use(gateway)
        finally:
            await gateway.aclose()

    return asyncio.run(run())


def test_a_user_gets_one_customer_without_name_or_number(stack: Stack, stripe: StripeSandbox) -> None:
    user = uuid4()

    async def thrice(gateway: StripeGateway) -> set[str]:
        return {await gateway.customers.create(user_id=user, installation_id=_INSTALLATION) for _ in range(3)}

    [customer] = _asking(stack, thrice)
    found = stripe.ask("GET", f"/customers/{customer}")
    assert found["metadata"] == {"user_id": str(user), "installation_id": str(_INSTALLATION)}
    assert [found[name] for name in ("name", "email", "phone", "description")] == [None] * 4
    calls = stripe.calls("/customers", "POST")
    assert {call["idempotency_key"] for call in calls} == {f"customer:{user}"}


def test_a_user_with_a_deleted_customer_gets_another_one(stack: Stack, stripe: StripeSandbox) -> None:
    """Red if a replayed response is trusted: it names the old customer for a day."""
    user = uuid4()
    first = _asking(
        stack, lambda gateway: gateway.customers.create(user_id=user, installation_id=_INSTALLATION)
    )
    stripe.ask("DELETE", f"/customers/{first}")
    second = _asking(
        stack, lambda gateway: gateway.customers.create(user_id=user, installation_id=_INSTALLATION)
    )
    assert second != first
    assert (
        _asking(stack, lambda gateway: gateway.customers.create(user_id=user, installation_id=_INSTALLATION))
        == second
    )


def test_a_checkout_is_opened_once_and_names_the_user_everywhere(stack: Stack, stripe: StripeSandbox) -> None:
    checkout, user = uuid4(), uuid4()

    async def twice(gateway: StripeGateway) -> set[str]:
        customer = await gateway.customers.create(user_id=user, installation_id=_INSTALLATION)
        opened = [
            await gateway.checkouts.open(
                checkout_id=checkout,
                user_id=user,
                installation_id=_INSTALLATION,
                customer_id=customer,
                success_url=_BACK,
                cancel_url=_BACK,
            )
            for _ in range(2)
        ]
        assert {each.state for each in opened} == {CheckoutState.OPEN}
        assert {each.user_id for each in opened} == {user}
        return {each.id for each in opened}

    [session] = _asking(stack, twice)
    call = stripe.calls("/checkout/sessions", "POST")[-1]
    assert call["idempotency_key"] == f"checkout:{checkout}"
    assert call["params"]["client_reference_id"] == str(user)
    own = {"user_id": str(user), "installation_id": str(_INSTALLATION)}
    assert call["params"]["metadata"] == own
    assert call["params"]["subscription_data"] == {"metadata": own}

    async def close_twice(gateway: StripeGateway) -> list[CheckoutState]:
        return [(await gateway.checkouts.expire(session)).state for _ in range(2)]

    assert _asking(stack, close_twice) == [CheckoutState.EXPIRED] * 2


def test_the_cleanup_of_an_account_at_stripe_can_be_repeated(stack: Stack, stripe: StripeSandbox) -> None:
    user = uuid4()

    async def prepare(gateway: StripeGateway) -> tuple[str, str]:
        customer = await gateway.customers.create(user_id=user, installation_id=_INSTALLATION)
        session = await gateway.checkouts.open(
            checkout_id=uuid4(),
            user_id=user,
            installation_id=_INSTALLATION,
            customer_id=customer,
            success_url=_BACK,
            cancel_url=_BACK,
        )
        return customer, session.id

    customer, session = _asking(stack, prepare)
    own = {"user_id": str(user), "installation_id": str(_INSTALLATION)}
    subscription = stripe.subscribe(None, customer=customer, metadata=own)

    async def end(gateway: StripeGateway) -> None:
        cleanup = StripeCustomerCleanup(gateway.customers, gateway.checkouts, gateway.subscriptions)
        for _ in range(2):
            await cleanup.delete(customer, user_id=user, installation_id=_INSTALLATION)
        await cleanup.delete("cus_never_there", user_id=user, installation_id=_INSTALLATION)

    _asking(stack, end)
    assert stripe.status(subscription) == "canceled"
    assert stripe.ask("GET", f"/checkout/sessions/{session}")["status"] == "expired"
    assert stripe.ask("GET", f"/customers/{customer}")["deleted"] is True


def test_an_ended_subscription_cannot_be_changed_and_may_be_cancelled_again(
    stack: Stack, stripe: StripeSandbox
) -> None:
    subscription = stripe.subscribe(None)

    async def use(gateway: StripeGateway) -> None:
        changed = await gateway.subscriptions.set_cancel_at_period_end(subscription, cancel=True)
        assert changed.cancel_at_period_end
        for _ in range(2):
            await gateway.subscriptions.cancel_now(subscription)
        assert (await gateway.subscriptions.get(subscription)).has_ended
        for unknown in (subscription, "sub_never_there"):
            with pytest.raises(StripeMissingError):
                await gateway.subscriptions.set_cancel_at_period_end(unknown, cancel=False)

    _asking(stack, use)


@pytest.mark.parametrize("mode", ["500", "429", "drop_before", "drop_after"])
def test_every_kind_of_outage_is_the_same_failure(stack: Stack, stripe: StripeSandbox, mode: str) -> None:
    stripe.fail(mode, "/subscriptions", times=10)
    with pytest.raises(StripeUnavailableError):
        _asking(stack, lambda gateway: gateway.subscriptions.get("sub_1"))


@pytest.mark.parametrize("key", ["", "sk_test_bad"])
def test_without_a_valid_key_stripe_is_not_configured(stack: Stack, stripe: StripeSandbox, key: str) -> None:
    subscription = stripe.subscribe(None)
    with pytest.raises(StripeUnavailableError):
        _asking(stack, lambda gateway: gateway.subscriptions.get(subscription), key=key)


def test_the_period_is_read_where_older_versions_have_it() -> None:
    old = {
        "id": "sub_1",
        "customer": {"id": "cus_1"},
        "status": "active",
        "created": 1,
        "current_period_start": 10,
        "current_period_end": 20,
        "items": {"data": [{"id": "si_1"}]},
        "metadata": {"user_id": "nobody"},
    }
    read = subscription_from(old)
    assert read.current_period_end == datetime.fromtimestamp(20, UTC)
    assert (read.customer_id, read.user_id, read.cancel_at_period_end) == ("cus_1", None, False)


def test_the_loop_runs_while_the_first_call_loads_the_sdk() -> None:
    """Red when the import runs on the loop: for about half a second nobody would be answered."""
    script = """
import asyncio, sys
from app.config import get_settings
from app.stripe_client import StripeGateway

async def main():
    call = asyncio.create_task(StripeGateway(get_settings()).customers.exists("cus_1"))
    is_loading = False
    while not call.done():
        is_loading |= "stripe" in sys.modules and "app.stripe_client.transport" not in sys.modules
        await asyncio.sleep(0.001)
    print(is_loading, type(call.exception()).__name__)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            "PYTHONPATH": str(ROOT),
            "ENVIRONMENT": "test",
            "DATABASE_URL": "postgresql://app@localhost/app",
            "REDIS_URL": "redis://localhost",
            "STRIPE_SECRET_KEY": "sk_test_sandbox",
            "STRIPE_API_BASE": "http://127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "True StripeUnavailableError"


def test_ids_are_those_of_the_metadata() -> None:
    user = uuid4()
    body = {"id": "sub_1", "status": "active", "created": 1, "metadata": {"user_id": str(user)}}
    assert subscription_from(body).user_id == UUID(str(user))


def test_optional_fields_of_stripe_may_be_missing() -> None:
    session = session_from({"id": "cs_1", "url": "https://pay.example.com", "subscription": None})
    assert (session.state, session.customer_id) == (CheckoutState.OPEN, None)
    assert session.expires_at > datetime.now(UTC)
    subscription = subscription_from({"id": "sub_1", "customer": "cus_1", "status": "active"})
    assert (subscription.current_period_end, subscription.cancel_at_period_end) == (None, False)
    assert invoice_from({"id": "in_1"}).amount_due == 0
    assert not has_more({"data": []})


def test_only_open_invoices_of_a_subscription_date_its_unpaid_period() -> None:
    """Red if every listed invoice counts: an old one would have ended the grace."""
    bills = [
        {"status": "open", "created": 300, "subscription": "sub_1"},
        {"status": "open", "created": 200, "parent": {"subscription_details": {"subscription": "sub_2"}}},
        {"status": "paid", "created": 100, "subscription": "sub_1"},
    ]
    assert unpaid_since_times(bills, "sub_1") == [datetime.fromtimestamp(300, UTC)]


def test_an_event_needs_no_more_than_an_id_a_type_and_an_object() -> None:
    """Red if an id with a dash is rejected, and if mode or time are required."""
    body = b'{"id": "evt_a-1", "type": "invoice.paid", "data": {"object": {"subscription": "sub_a-b"}}}'
    event = read_event(body)
    assert (event.subscription_id, event.livemode, event.created_at) == ("sub_a-b", None, None)


def test_a_replayed_failure_is_retried_under_another_key(stack: Stack) -> None:
    """Stripe replays a 500 to the same key for a day. Red if the key stays the same."""
    user = uuid4()
    with StripeReplayingFailures() as kept:
        settings = _settings(stack).model_copy(update={"stripe_api_base": kept.url})

        async def create() -> str:
            gateway = StripeGateway(settings)
            try:
                return await gateway.customers.create(user_id=user, installation_id=_INSTALLATION)
            finally:
                await gateway.aclose()

        assert asyncio.run(create()) == "cus_made"
    assert kept.keys[0] == f"customer:{user}"
    assert kept.keys[-1] == f"customer:{user}:again"
