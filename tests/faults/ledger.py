"""What a client sent and was told: an account of its own, never read from the product."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

ACCEPTED = (201, 202)
NO_ANSWER = 0


@dataclass(eq=False)
class Entry:
    """One message that somebody means to send once, and what came of it."""

    user_id: str
    room: str
    content: str
    is_whole: bool
    """Whether a completed reply has to hold the sandbox's whole answer."""
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    message_id: str | None = None
    reply_id: str | None = None

    @property
    def token(self) -> str:
        """The word that no other message has."""
        return self.content.rpartition(" ")[2]

    @property
    def is_accepted(self) -> bool:
        """Whether the product has said that it keeps this message."""
        return self.message_id is not None


@dataclass(frozen=True, slots=True)
class Try:
    """One POST: when it began (monotonic), what it was answered, and how long that took."""

    began: float
    status: int
    seconds: float
    has_retry_after: bool


class Ledger:
    """All entries and all tries; written by many threads."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.tries: list[Try] = []
        self.surprises: list[str] = []
        self._lock = threading.Lock()

    def open(self, entry: Entry) -> Entry:
        """Note what is about to be sent."""
        with self._lock:
            self.entries.append(entry)
        return entry

    def tried(self, one: Try) -> None:
        """Note a POST."""
        with self._lock:
            self.tries.append(one)

    def accepted(self, entry: Entry, *, message_id: str, reply_id: str) -> None:
        """Note the ids that the product has given; they must never change."""
        told = (entry.message_id, entry.reply_id)
        if entry.is_accepted and told != (message_id, reply_id):
            self.surprised(f"key {entry.key} was {told} and became {(message_id, reply_id)}")
        entry.message_id, entry.reply_id = message_id, reply_id

    def surprised(self, what: str) -> None:
        """Note what no client should see."""
        with self._lock:
            self.surprises.append(what)

    @property
    def slowest(self) -> float:
        """Seconds of the slowest POST, whatever it was answered."""
        return max((one.seconds for one in self.tries), default=0.0)

    def statuses(self) -> set[int]:
        """Every status that was seen; 0 stands for a connection that broke."""
        return {one.status for one in self.tries}

    @property
    def user_ids(self) -> Sequence[str]:
        """Who wrote."""
        return sorted({entry.user_id for entry in self.entries})

    @property
    def accepted_count(self) -> int:
        """Messages that the product has said it keeps."""
        return sum(entry.is_accepted for entry in self.entries)
