"""Reasons of failed outgoing requests, in words that may be logged."""

import httpx2

_HOLDS_A_HEADER = httpx2.LocalProtocolError
"""Its message quotes the header that cannot be sent, and that may be a key."""


def reason_of(error: Exception) -> str:
    """Return the error's class with the library's own message and, below it, the operating system's.

    Neither holds a key: the libraries name hosts, ports and states of the connection.
    """
    name = type(error).__name__
    if isinstance(error, _HOLDS_A_HEADER):
        return f"{name}: a header cannot be sent"
    words = [word for word in (str(error), _of_the_system(error)) if word]
    return ": ".join([name, *dict.fromkeys(words)])


def _of_the_system(error: BaseException) -> str:
    """Return the innermost message of the operating system, as in "[Errno 111] Connection refused"."""
    found = ""
    below: BaseException | None = error
    for _ in range(10):
        below = below.__cause__ or below.__context__ if below else None
        if below is None:
            break
        if isinstance(below, BaseExceptionGroup):
            below = below.exceptions[0]
        if isinstance(below, OSError):
            found = str(below)
    return found
