"""Banned accounts at the sign-in: refused once the credentials are proven, and not before."""

from app.errors import AccountSuspended
from app.models import User


def require_not_banned(user: User) -> None:
    """Refuse a banned user. Call it after the credentials: a stranger must not learn of the ban.

    Raises:
        AccountSuspended: the account is banned.
    """
    if user.banned_at is not None:
        raise AccountSuspended
