"""Reasons of failed outgoing requests, as text that may be logged."""

import httpx2

_QUOTES_A_HEADER = httpx2.LocalProtocolError
"""Its message quotes the header that cannot be sent, which may hold a key."""
_QUOTES_THE_RESPONSE = httpx2.RemoteProtocolError
"""Its message may quote a malformed response, which may repeat the request."""
_QUOTES_NOTHING = ("Server disconnected", "peer closed connection")


def reason_of(error: Exception) -> str:
    """Return the class of the error with the messages of the library and of the operating system.

    Neither holds a key: the libraries name hosts, ports and states of the connection.
    """
    name = type(error).__name__
    if isinstance(error, _QUOTES_A_HEADER):
        return f"{name}: a header cannot be sent"
    if isinstance(error, _QUOTES_THE_RESPONSE) and not str(error).startswith(_QUOTES_NOTHING):
        return f"{name}: the response is malformed"
    messages = [message for message in (str(error), _system_message(error)) if message]
    return ": ".join([name, *dict.fromkeys(messages)])


def _system_message(error: BaseException) -> str:
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
