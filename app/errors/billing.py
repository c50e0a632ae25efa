"""Failures of checkouts, subscriptions and webhooks."""

from http import HTTPStatus

from app.errors.base import AppError
from app.errors.request import ServiceUnavailable

_AN_HOUR_SECONDS = 3600


class AlreadySubscribed(AppError):
    """The user is on Pro already."""

    status = HTTPStatus.CONFLICT
    code = "already_subscribed"
    detail = "You are on Pro already."


class NotSubscribed(AppError):
    """The user has no subscription that this applies to."""

    status = HTTPStatus.CONFLICT
    code = "not_subscribed"
    detail = "You have no subscription that this applies to."


class CheckoutNotFound(AppError):
    """The user has no checkout session with this id."""

    status = HTTPStatus.NOT_FOUND
    code = "checkout_not_found"
    detail = "You have no checkout session with this id."


class WebhookInvalid(AppError):
    """The webhook is not signed by Stripe, or its signature is too old or in the future."""

    status = HTTPStatus.BAD_REQUEST
    code = "webhook_invalid"
    detail = "The signature of this webhook is not valid."


class PaymentsNotConfigured(ServiceUnavailable):
    """Payments are not configured correctly; only the operator of this service can correct that."""

    code = "payments_not_configured"
    detail = "Payments are not set up on this service. Nothing was charged by this request."

    def __init__(self) -> None:
        super().__init__(retry_after=_AN_HOUR_SECONDS)


class PaymentsUnavailable(ServiceUnavailable):
    """Stripe is unavailable; all other requests work."""

    detail = "Payments are unavailable. Nothing was charged by this request; try again shortly."
