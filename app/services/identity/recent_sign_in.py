"""Sensitive changes need a sign-in of the last ten minutes, so a stolen token is not enough."""

from datetime import datetime, timedelta

from app.errors import RecentSignInRequired

_RECENT = timedelta(minutes=10)


def is_recent(signed_in_at: datetime, *, now: datetime) -> bool:
    """Tell whether a session was opened in the last ten minutes; a refresh does not renew that."""
    return now - signed_in_at <= _RECENT


def require_recent_sign_in(signed_in_at: datetime, *, now: datetime) -> None:
    """Reject a session that was opened more than ten minutes ago.

    Raises:
        RecentSignInRequired: the user has to sign in again first.
    """
    if not is_recent(signed_in_at, now=now):
        raise RecentSignInRequired
