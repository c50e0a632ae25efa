"""Wake-ups for workers: enqueued inside a transaction, published after its commit."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID, uuid4


@dataclass(frozen=True, slots=True)
class ProcessGeminiMessage:
    """Wake a worker for one pending reply. A hint only: the reply's row is the queue."""

    name: ClassVar[str] = "process_gemini_message"

    reply_id: UUID
    request_id: str | None

    @property
    def task_id(self) -> str:
        """Return the reply's id, so that a reply is one task in Flower."""
        return str(self.reply_id)

    def arguments(self) -> dict[str, str | None]:
        """Return the task's keyword arguments, as JSON values."""
        return {"reply_id": str(self.reply_id), "request_id": self.request_id}


@dataclass(frozen=True, slots=True)
class SyncStripeEvent:
    """Wake a worker for one Stripe event. A hint only: the event's row is the queue."""

    name: ClassVar[str] = "sync_stripe_event"

    event_id: str
    request_id: str | None

    @property
    def task_id(self) -> str:
        """Return a new id."""
        return str(uuid4())

    def arguments(self) -> dict[str, str | None]:
        """Return the task's keyword arguments, as JSON values."""
        return {"event_id": self.event_id, "request_id": self.request_id}


WakeUp = ProcessGeminiMessage | SyncStripeEvent
