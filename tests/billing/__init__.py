"""Checkout, subscriptions and webhooks."""
