"""Addresses of HTTP services that every HTTP client of this service parses alike."""

import re
from typing import Final
from urllib.parse import urlsplit

from app.config.origins import HostFault, host_fault

_ASCII: Final = re.compile(r"[!-~]+")


def web_address(text: str) -> str:
    """Check an address that begins with http:// or https://, and return it unchanged.

    Raises:
        ValueError: saying what is wrong, without any part of the value.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if not _ASCII.fullmatch(text):
        raise ValueError(
            "holds a blank, a line break or a character that is not ASCII (write such a host as xn--…)"
        )
    if "?" in text or "#" in text or "\\" in text:
        raise ValueError("must end before any ?, # or backslash")
    authority = rest.partition("/")[0]
    if "@" in authority:
        raise ValueError("must not hold a user or password")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("has a host or port that cannot be read") from None
    if port == 0 or authority.endswith(":"):
        raise ValueError("has a port that is no number from 1 to 65535")
    host = authority.rpartition(":")[0] if port is not None else authority
    fault = host_fault(host.lower())
    if fault is not None and fault is not HostFault.NOT_CANONICAL:
        raise ValueError("names no host" if not host else "names a host that is none")
    return text
