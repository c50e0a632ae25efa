"""Keys of the request limits, whose values are sliding windows."""

from uuid import UUID


def ip_limit_key(address: str) -> str:
    """Return the key of an address or network."""
    return f"limit:ip:{address}"


def user_limit_key(user_id: UUID) -> str:
    """Return the key of all requests of a user."""
    return f"limit:user:{user_id}"


def stripe_limit_key(user_id: UUID) -> str:
    """Return the key of a user's requests that call Stripe."""
    return f"limit:stripe:{user_id}"
