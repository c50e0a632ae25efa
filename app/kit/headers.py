"""Reading of single headers, as ASGI servers pass them: without a copy, a decoding or an index."""

from collections.abc import Iterable


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the first header of this name, which is in lower case; None without one."""
    for each, value in headers:
        if each == name:
            return value
    return None
