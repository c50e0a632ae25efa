"""The forms of `SMS_WEBHOOK_URL` and `SMS_WEBHOOK_SECRET` (https://www.standardwebhooks.com)."""

import base64
import binascii
import re
from typing import Final

import httpx2

from app.config.secrets import is_sample
from app.config.web_address import web_address

_PREFIX: Final = "whsec_"
_MIN_KEY_BYTES: Final = 24
_MAX_KEY_BYTES: Final = 64
_QUERY: Final = re.compile(r"[!-~]*")
_SAMPLE_OF_THE_SPECIFICATION: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def webhook_address(text: str) -> str:
    """Check an http(s) address, which may have a path and a query, and return it unchanged.

    A user and password are refused: the signature authenticates the requests.

    Raises:
        ValueError: saying what is wrong, without any part of the value.
    """
    if "#" in text or "\\" in text:
        raise ValueError("must end before any # or backslash")
    address, _, query = text.partition("?")
    web_address(address)
    if not _QUERY.fullmatch(query):
        raise ValueError("holds a blank, a line break or a character that is not ASCII")
    try:
        httpx2.URL(text)
    except httpx2.InvalidURL:
        raise ValueError("is an address that cannot be read") from None
    return text


def webhook_key(secret: str) -> bytes:
    """Return the key of a secret: the bytes behind `whsec_`, which are in base64.

    Raises:
        ValueError: saying what is wrong, without any part of the value.
    """
    if not secret.startswith(_PREFIX):
        raise ValueError(f"must begin with {_PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"must be base64 after {_PREFIX}, with its padding") from None
    if not _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES:
        raise ValueError(f"must be base64 of {_MIN_KEY_BYTES} to {_MAX_KEY_BYTES} bytes after {_PREFIX}")
    return key


def is_sample_secret(secret: str) -> bool:
    """Return whether a well-formed secret is a sample; the letters of a random one may spell anything."""
    return secret == _SAMPLE_OF_THE_SPECIFICATION or is_sample(webhook_key(secret).decode("latin-1"))
