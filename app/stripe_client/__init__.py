"""Client of Stripe, behind protocols of the product."""

from app.stripe_client.base import (
    ENDED,
    CheckoutSession,
    CheckoutState,
    Invoice,
    StripeCheckouts,
    StripeCustomers,
    StripeMissingError,
    StripeSubscription,
    StripeSubscriptions,
    StripeUnavailableError,
)
from app.stripe_client.gateway import StripeGateway

__all__ = [
    "ENDED",
    "CheckoutSession",
    "CheckoutState",
    "Invoice",
    "StripeCheckouts",
    "StripeCustomers",
    "StripeGateway",
    "StripeMissingError",
    "StripeSubscription",
    "StripeSubscriptions",
    "StripeUnavailableError",
]
