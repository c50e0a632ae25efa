"""Errors of payments and of Stripe's webhook."""

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
    """The signature is not of Stripe, too old, or from the future."""

    status = HTTPStatus.BAD_REQUEST
    code = "webhook_invalid"
    detail = "The signature of this webhook is not valid."


class PaymentsNotConfigured(ServiceUnavailable):
    """Payments are not configured correctly; only the operator of the service can change that."""

    code = "payments_not_configured"
    detail = "Payments are not configured on this service. This request charged nothing."

    def __init__(self) -> None:
        super().__init__(retry_after=_AN_HOUR_SECONDS)


class PaymentsUnavailable(ServiceUnavailable):
    """Stripe is unavailable; everything but payments works."""

    detail = "Payments are unavailable. This request charged nothing; try again shortly."
