"""Replies: claiming, leases, writing, streaming, cancelling, context, summaries and titles."""
