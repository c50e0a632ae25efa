"""The rule for what a stolen token must not be enough for: a sign-in of the last ten minutes."""

from datetime import datetime, timedelta

from app.errors import RecentSignInRequired

_RECENT = timedelta(minutes=10)


def is_recent(signed_in_at: datetime, *, now: datetime) -> bool:
    """Tell whether a session was opened a short time ago; refreshing it does not renew that."""
    return now - signed_in_at <= _RECENT


def require_recent_sign_in(signed_in_at: datetime, *, now: datetime) -> None:
    """Refuse a session that was opened too long ago.

    Raises:
        RecentSignInRequired: the user has to sign in again first.
    """
    if not is_recent(signed_in_at, now=now):
        raise RecentSignInRequired
