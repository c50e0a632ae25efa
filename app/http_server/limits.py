"""Limits of one connection."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Sizes and times allowed to a client."""

    head_bytes: int = 64 * 1024
    """Request line, headers and trailers together."""
    headers: int = 100
    receive_seconds: float = 10.0
    """Time for a request's head, and for silence while no response is due."""
    stall_seconds: float = 30.0
    """Time in which the client must read at least one of the bytes sent to it."""
