"""Translation of Stripe's errors: outage, missing object, rejection, or wrong configuration."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from app.config import Settings
from app.errors import ValidationFailed
from app.schemas.subscription import SubscribeIn
from app.services.billing.return_addresses import ReturnAddresses
from app.stripe_client import StripeGateway, StripeMissingError, StripeUnavailableError
from app.stripe_client.failures import (
    StripeNotConfiguredError,
    StripeRefusedError,
    StripeReplayedFailureError,
)
from devtools.ports import free_port
from tests.support.answering_server import AnsweringServer
from tests.support.user import Json

_KEY = "sk_test_1visible"
_BACK = "http://localhost:8000/back"
Use = Callable[[StripeGateway], Awaitable[object]]


def _open(gateway: StripeGateway) -> Awaitable[object]:
    return gateway.checkouts.open(
        checkout_id=uuid4(),
        user_id=uuid4(),
        installation_id=uuid4(),
        customer_id="cus_1",
        success_url=_BACK,
        cancel_url=_BACK,
    )


def _portal(gateway: StripeGateway) -> Awaitable[object]:
    return gateway.customers.portal_url("cus_1", return_url=_BACK)


def _subscription(gateway: StripeGateway) -> Awaitable[object]:
    return gateway.subscriptions.get("sub_1")


def _customer(gateway: StripeGateway) -> Awaitable[object]:
    return gateway.customers.create(user_id=uuid4(), installation_id=uuid4())


def _failure(use: Use, url: str, *, key: str = _KEY, price: str = "price_1") -> tuple[Exception, list[Json]]:
    """Return the failure of a call to this Stripe, and the log."""
    settings = Settings(
        database_url=SecretStr("postgresql://db/app"),
        redis_url=SecretStr("redis://redis"),
        stripe_api_base=url,
        stripe_secret_key=SecretStr(key),
        stripe_pro_price_id=price,
    )

    async def run() -> Exception:
        gateway = StripeGateway(settings)
        try:
            await use(gateway)
        except (StripeUnavailableError, StripeMissingError) as failure:
            return failure
        finally:
            await gateway.aclose()
        raise AssertionError("nothing failed")

    with capture_logs() as lines:
        failure = asyncio.run(run())
    return failure, [dict(line) for line in lines]


def _error(kind: str = "invalid_request_error", **members: str) -> Json:
    return {"error": {"type": kind, "message": f"No such thing for {_KEY}", **members}}


_ANSWERS: dict[str, tuple[Use, int, Json, type[Exception]]] = {
    "an invalid key": (_subscription, 401, _error(), StripeNotConfiguredError),
    "an expired key": (_customer, 401, _error(code="api_key_expired"), StripeNotConfiguredError),
    "a restricted key": (_customer, 403, _error(), StripeNotConfiguredError),
    "an account that is closed": (_customer, 400, _error(code="account_invalid"), StripeNotConfiguredError),
    "a price of the other mode": (
        _open,
        400,
        _error(code="resource_missing", param="line_items[0][price]"),
        StripeNotConfiguredError,
    ),
    "a price without a period": (_open, 400, _error(), StripeNotConfiguredError),
    "an inactive price": (_open, 400, _error(param="line_items[0][price]"), StripeNotConfiguredError),
    "a portal that is not set up": (_portal, 400, _error(), StripeNotConfiguredError),
    "a bad PUBLIC_URL": (
        _portal,
        400,
        _error(code="url_invalid", param="return_url"),
        StripeNotConfiguredError,
    ),
    "no method of the API": (
        _subscription,
        404,
        {"error": {"type": "invalid_request_error", "message": "Unrecognized request URL (GET: /x)."}},
        StripeNotConfiguredError,
    ),
    "a customer that is gone, for a checkout": (
        _open,
        400,
        _error(code="resource_missing", param="customer"),
        StripeMissingError,
    ),
    "a customer that is gone, for the portal": (
        _portal,
        400,
        _error(code="resource_missing", param="customer"),
        StripeMissingError,
    ),
    "a subscription that is gone": (
        _subscription,
        404,
        _error(code="resource_missing", param="id"),
        StripeMissingError,
    ),
    "an address that Stripe does not take": (
        _open,
        400,
        _error(code="url_invalid", param="success_url"),
        StripeRefusedError,
    ),
    "a key used for something else": (_open, 400, _error("idempotency_error"), StripeReplayedFailureError),
    "a refusal of another kind": (_subscription, 402, _error("card_error"), StripeRefusedError),
    "a key in use": (
        _open,
        409,
        _error("idempotency_error", code="idempotency_key_in_use"),
        StripeUnavailableError,
    ),
    "too many requests": (_open, 429, _error(code="rate_limit"), StripeUnavailableError),
    "a lock": (_customer, 429, _error(code="lock_timeout"), StripeUnavailableError),
    "an outage": (_portal, 500, _error("api_error"), StripeUnavailableError),
}


@pytest.mark.parametrize("name", _ANSWERS)
def test_an_error_response_is_translated_and_its_reason_logged(name: str) -> None:
    """Red if a rejected key or price counts as an outage, and if a log line has only a class name."""
    use, status, body, expected = _ANSWERS[name]
    with AnsweringServer(status, body, request_id="req_1") as stripe:
        failure, lines = _failure(use, stripe.url)
    assert type(failure) is expected
    said = body["error"]
    named = {"status": status, **{part: said[part] for part in ("type", "code", "param") if part in said}}
    expected_reason = ", ".join(f"{part} {value}" for part, value in named.items()) + ", request req_1"
    assert str(failure) == expected_reason
    assert lines[0]["reason"] == expected_reason
    assert "visible" not in str(lines)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b"<html>Access denied</html>"),
        (404, b'{"detail":"Not Found"}'),
        (502, b""),
        (200, b"<html>"),
        (302, b""),
    ],
)
def test_a_response_that_is_not_stripes_is_an_outage(status: int, body: bytes) -> None:
    """A proxy's 403 says nothing about the key. Red if only the status counts."""
    with AnsweringServer(status, body, Location="http://127.0.0.1:9/") as stripe:
        failure, _ = _failure(_subscription, stripe.url)
    assert type(failure) is StripeUnavailableError
    assert "visible" not in str(failure)


def test_a_connection_that_fails_is_logged_with_the_reason_of_the_system() -> None:
    """Red with the SDK's own transports, which keep only the exception's name."""
    failure, lines = _failure(_subscription, f"http://127.0.0.1:{free_port()}")
    assert type(failure) is StripeUnavailableError
    assert "Connection refused" in str(failure) or "Connect call failed" in str(failure)
    assert lines[0]["reason"] == str(failure)


@pytest.mark.parametrize("key", ["", "sk_test_1vis\nible", "sk_test_1vis\u0131ble"])
def test_a_key_that_cannot_be_sent_is_a_wrong_setup(key: str) -> None:
    with AnsweringServer(200, {}) as stripe:
        failure, lines = _failure(_subscription, stripe.url, key=key)
        assert stripe.requests == 0
    assert type(failure) is StripeNotConfiguredError
    assert "STRIPE_SECRET_KEY" in str(failure)
    assert "vis" not in str(lines) + str(failure)


def test_without_a_price_no_page_is_requested() -> None:
    with AnsweringServer(200, {}) as stripe:
        failure, _ = _failure(_open, stripe.url, price="")
        assert stripe.requests == 0
    assert (type(failure), str(failure)) == (StripeNotConfiguredError, "STRIPE_PRO_PRICE_ID is not set")


def test_an_address_rejected_by_stripe_is_the_callers_fault_only_if_given() -> None:
    """Red if a caller's address is reported as an outage, or `PUBLIC_URL` as the caller's fault."""
    addresses = ReturnAddresses("http://localhost:8000", frozenset())
    refusal = StripeRefusedError("status 400", param="success_url")
    given = addresses.explain(refusal, SubscribeIn(success_url="http://localhost:3000/done"))
    assert isinstance(given, ValidationFailed)
    assert given.members["errors"] == [
        {
            "pointer": "/success_url",
            "code": "address_refused",
            "message": "The payment service does not take this address.",
        }
    ]
    assert isinstance(addresses.explain(refusal, SubscribeIn()), StripeNotConfiguredError)
    other = StripeRefusedError("status 400", param="customer")
    assert addresses.explain(other, SubscribeIn()) is other
