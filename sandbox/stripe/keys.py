"""API keys: any test key opens this account, except those that are wrong by agreement."""

import base64
import binascii

from sandbox.stripe.problems import StripeError

TEST_KEYS = ("sk_test_", "rk_test_")
BAD_KEYS = ("sk_test_bad", "sk_test_invalid", "sk_test_unset")


def check_key(authorization: str) -> None:
    """Refuse a request without a key, keys of live mode, and `sk_test_bad…`, `…invalid`, `…unset`."""
    key = _key(authorization)
    if not key:
        raise StripeError(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization header, "
            "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    if not key.startswith(TEST_KEYS) or key.startswith(BAD_KEYS):
        raise StripeError(401, f"Invalid API Key provided: {key[:3]}{'*' * 8}{key[-4:]}")


def _key(authorization: str) -> str:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(given).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
