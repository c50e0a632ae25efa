"""Judges the strength of a secret: its length, and whether documents print it as a sample."""

from typing import Final

SHORTEST_JWT_SECRET_BYTES: Final = 32
# Words of the samples that the documents print, and of ours.
_SAMPLE_WORDS: Final = (
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
    """Whether a JWT secret has fewer bytes than its hash, so that it can be guessed from any token."""
    return len(secret.encode()) < SHORTEST_JWT_SECRET_BYTES


def is_sample(value: str) -> bool:
    """Whether a value looks like a sample of a document."""
    return any(word in value.lower() for word in _SAMPLE_WORDS)
