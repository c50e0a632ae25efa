"""Cache of open sessions, so that most requests need no query."""

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.models import Plan

FRESH_SECONDS = 4.5  # an ended session may be accepted elsewhere for up to five
_MAX_SESSIONS = 50_000


@dataclass(frozen=True, slots=True)
class OpenSession:
    """An open session as read from its row."""

    user_id: UUID
    plan: Plan
    is_banned: bool


class SessionCache:
    """Keeps open sessions for at most `FRESH_SECONDS` from the start of the read.

    The process that ends a session discards it at once, also results of earlier reads that end later. Other
    processes query the row again after `FRESH_SECONDS`; there is no notification.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[UUID, tuple[float, OpenSession | None]] = OrderedDict()

    def get(self, session_id: UUID) -> OpenSession | None:
        """Return the session if a fresh read found it open."""
        seen_at, session = self._seen.get(session_id, (0.0, None))
        return session if time.monotonic() - seen_at < FRESH_SECONDS else None

    def add(self, session_id: UUID, session: OpenSession, *, read_at: float) -> None:
        """Store an open session; `read_at` is the monotonic time before the row was read."""
        if self._seen.get(session_id, (0.0, None))[0] < read_at:
            self._put(session_id, read_at, session)

    def discard(self, session_ids: Iterable[UUID]) -> None:
        """Mark these sessions as not cached; call it after the commit."""
        for session_id in session_ids:
            self._put(session_id, time.monotonic(), None)

    def _put(self, session_id: UUID, seen_at: float, session: OpenSession | None) -> None:
        self._seen[session_id] = seen_at, session
        self._seen.move_to_end(session_id)
        if len(self._seen) > _MAX_SESSIONS:
            self._seen.popitem(last=False)
