"""Which sessions were found open lately, so that most requests need not ask Postgres."""

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.models import Plan

FRESH_SECONDS = 4.5  # of the five that an ended session may go on somewhere
_MAX_SESSIONS = 50_000


@dataclass(frozen=True, slots=True)
class OpenSession:
    """What a look at an open session's row told."""

    user_id: UUID
    plan: Plan


class SessionCache:
    """Remembers for at most `FRESH_SECONDS` from the start of the read; the row decides, nothing is told.

    Only the process that ended a session knows of it at once: a look that began before is outdated then.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[UUID, tuple[float, OpenSession | None]] = OrderedDict()

    def get(self, session_id: UUID) -> OpenSession | None:
        """The session if it was found open a moment ago."""
        seen_at, session = self._seen.get(session_id, (0.0, None))
        return session if time.monotonic() - seen_at < FRESH_SECONDS else None

    def add(self, session_id: UUID, session: OpenSession, *, read_at: float) -> None:
        """Note an open session; `read_at` is the monotonic time before the row was read."""
        if self._seen.get(session_id, (0.0, None))[0] < read_at:
            self._note(session_id, read_at, session)

    def discard(self, session_ids: Iterable[UUID]) -> None:
        """Note that these sessions have ended: call it once that is committed."""
        for session_id in session_ids:
            self._note(session_id, time.monotonic(), None)

    def _note(self, session_id: UUID, seen_at: float, session: OpenSession | None) -> None:
        self._seen[session_id] = seen_at, session
        self._seen.move_to_end(session_id)
        if len(self._seen) > _MAX_SESSIONS:
            self._seen.popitem(last=False)
