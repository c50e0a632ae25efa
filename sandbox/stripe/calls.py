"""The record of API requests, for tests to read."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.stripe.problems import Json

MOST_CALLS = 20_000


@dataclass(slots=True)
class Call:
    """One request as it came, and what it got; without a status it was cut off or still waits."""

    method: str
    path: str
    request_id: str
    idempotency_key: str | None
    version: str | None
    params: Json
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    failure: str | None = None
    executed: bool = False
    replayed: bool = False
    waiting: bool = False
    status: int | None = None

    def described(self) -> Json:
        return {
            "method": self.method,
            "path": self.path,
            "request_id": self.request_id,
            "idempotency_key": self.idempotency_key,
            "stripe_version": self.version,
            "params": self.params,
            "received_at": self.received_at.isoformat(),
            "failure": self.failure,
            "executed": self.executed,
            "replayed": self.replayed,
            "waiting": self.waiting,
            "status": self.status,
        }


class Calls:
    """The newest requests."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=MOST_CALLS)

    def add(self, call: Call) -> None:
        self._calls.append(call)

    def matching(self, method: str, path_contains: str) -> list[Call]:
        """List the requests with such a path, and with this method if one is given; newest last."""
        return [call for call in self._calls if path_contains in call.path and method in {"", call.method}]

    def clear(self) -> None:
        self._calls.clear()
