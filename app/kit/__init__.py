"""Techniques of no domain: timeouts, admission, background tasks, clock, paging, client addresses."""
