"""Quota, refunds and limits."""
