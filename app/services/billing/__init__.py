"""Checkout, subscriptions, the webhook inbox and reconciliation with Stripe."""
