"""Record of what a client sent and received, never read from the product."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

ACCEPTED = (201, 202)
NO_ANSWER = 0


@dataclass(eq=False)
class Entry:
    """One message that a client sends, maybe in several tries, and its result."""

    user_id: str
    room: str
    content: str
    is_whole: bool
    """Whether a completed reply must contain the sandbox's whole answer."""
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    message_id: str | None = None
    reply_id: str | None = None

    @property
    def token(self) -> str:
        """A word that no other message contains."""
        return self.content.rpartition(" ")[2]

    @property
    def is_accepted(self) -> bool:
        """Whether the product has accepted this message."""
        return self.message_id is not None


@dataclass(frozen=True, slots=True)
class Try:
    """One POST: start (monotonic), status and duration."""

    began: float
    status: int
    seconds: float
    has_retry_after: bool


class Ledger:
    """All entries and tries, recorded by many threads."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.tries: list[Try] = []
        self.surprises: list[str] = []
        self._lock = threading.Lock()

    def open(self, entry: Entry) -> Entry:
        """Record a message before it is sent."""
        with self._lock:
            self.entries.append(entry)
        return entry

    def tried(self, one: Try) -> None:
        """Record a POST."""
        with self._lock:
            self.tries.append(one)

    def accepted(self, entry: Entry, *, message_id: str, reply_id: str) -> None:
        """Record the ids in the response; they must never change."""
        told = (entry.message_id, entry.reply_id)
        if entry.is_accepted and told != (message_id, reply_id):
            self.surprised(f"key {entry.key} was {told} and became {(message_id, reply_id)}")
        entry.message_id, entry.reply_id = message_id, reply_id

    def surprised(self, what: str) -> None:
        """Record something that no client should receive."""
        with self._lock:
            self.surprises.append(what)

    @property
    def slowest(self) -> float:
        """Return the duration of the slowest POST in seconds, of any status."""
        return max((one.seconds for one in self.tries), default=0.0)

    def statuses(self) -> set[int]:
        """Return every status received; 0 stands for a broken connection."""
        return {one.status for one in self.tries}

    @property
    def user_ids(self) -> Sequence[str]:
        """Return the ids of the users who sent messages."""
        return sorted({entry.user_id for entry in self.entries})

    @property
    def accepted_count(self) -> int:
        """Return the number of accepted messages."""
        return sum(entry.is_accepted for entry in self.entries)
