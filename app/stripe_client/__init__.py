"""Stripe, in the product's own words."""

from app.stripe_client.base import (
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

__all__ = [
    "CheckoutSession",
    "CheckoutState",
    "Invoice",
    "StripeCheckouts",
    "StripeCustomers",
    "StripeMissingError",
    "StripeSubscription",
    "StripeSubscriptions",
    "StripeUnavailableError",
]
