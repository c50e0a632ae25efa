"""The strength of a secret: its length, and whether it is a sample of a document."""

from typing import Final

MIN_JWT_SECRET_BYTES: Final = 32
# Parts of samples in documentation, of this service and of others.
_SAMPLE_PARTS: Final = (
    "change",
    "example",
    "secret-key",
    "secret_key",
    "your",
    "sample",
    "development",
    "sandbox",
)


def is_short_secret(secret: str) -> bool:
    """Return whether a JWT secret is shorter than its hash, so that it can be guessed from a token."""
    return len(secret.encode()) < MIN_JWT_SECRET_BYTES


def is_sample(value: str) -> bool:
    """Return whether a value resembles a sample in documentation."""
    return any(part in value.lower() for part in _SAMPLE_PARTS)
