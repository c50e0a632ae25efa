"""The record of generate calls, for tests to read."""

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from uuid import uuid4

from pydantic import JsonValue

MOST_CALLS = 10_000
MOST_BYTES = 64 * 1024 * 1024


class Ended(StrEnum):
    """How a call was over."""

    FINISHED = "finished"
    CLIENT_CLOSED = "client_closed"
    FAILED = "failed"


@dataclass(slots=True)
class Call:
    """One generate call; its body is kept as it came."""

    method: str
    model: str
    api_version: str
    last_user_text: str
    body: bytes
    id: str = field(default_factory=lambda: uuid4().hex)
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    word: str | None = None
    pieces_sent: int = 0
    held: bool = False
    ended: Ended | None = None
    ended_at: datetime | None = None

    def end(self, how: Ended) -> None:
        self.ended, self.ended_at = how, datetime.now(UTC)

    def described(self) -> dict[str, JsonValue]:
        """Describe it as `GET /sandbox/calls` does."""
        body: dict[str, JsonValue] = json.loads(self.body)
        return {
            "id": self.id,
            "method": self.method,
            "model": self.model,
            "api_version": self.api_version,
            "received_at": self.received_at.isoformat(),
            "contents": body.get("contents"),
            "systemInstruction": body.get("systemInstruction", body.get("system_instruction")),
            "generationConfig": body.get("generationConfig", body.get("generation_config")),
            "word": self.word,
            "pieces_sent": self.pieces_sent,
            "held": self.held,
            "ended": self.ended,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
        }


class Calls:
    """The newest calls, bounded in number and in bytes."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque()
        self._bytes = 0

    def add(self, call: Call) -> None:
        """Record a call, forgetting the oldest where there are too many."""
        self._calls.append(call)
        self._bytes += len(call.body)
        while len(self._calls) > MOST_CALLS or (self._bytes > MOST_BYTES and len(self._calls) > 1):
            self._bytes -= len(self._calls.popleft().body)

    def containing(self, text: str) -> list[Call]:
        """List the calls with the text in their last user turn, newest last."""
        return [call for call in self._calls if text in call.last_user_text]

    def clear(self) -> None:
        self._calls.clear()
        self._bytes = 0
