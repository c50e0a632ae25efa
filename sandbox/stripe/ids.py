"""Ids in Stripe's form: a prefix for the kind, then letters and digits."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Make an id, as in `cus_Jf0…`."""
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(length))}"
