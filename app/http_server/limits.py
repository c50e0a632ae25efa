"""The limits of one connection."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a client may send, and how long it may take."""

    head_bytes: int = 64 * 1024
    """Request line, headers and trailers together."""
    headers: int = 100
    receive_seconds: float = 10.0
    """For a request's head, and for silence while no response is due."""
    stall_seconds: float = 30.0
    """Without the client taking any of the bytes that wait for it."""
