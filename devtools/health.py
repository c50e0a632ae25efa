"""Asking a process on this machine how it is."""

from __future__ import annotations

import contextlib
import http.client
import json


class Health:
    """The /health of one port: asks, and keeps the last answer for a message."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.last_answer = "none"

    def answers(self) -> bool:
        """Does it answer 200?"""
        return self._ask() is not None

    def is_healthy(self) -> bool:
        """Does it answer 200, and that all its parts are there?"""
        return (self._ask() or {}).get("status") == "healthy"

    def _ask(self) -> dict[str, object] | None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=3)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, ValueError, http.client.HTTPException),
        ):
            connection.request("GET", "/health")
            response = connection.getresponse()
            body = response.read()
            self.last_answer = f"{response.status} {body.decode(errors='replace')}"
            parsed = json.loads(body) if response.status == http.client.OK else None
            return parsed if isinstance(parsed, dict) else None
        return None
