"""Which sessions were found open lately, so that most requests need not ask Postgres."""

import time
from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

FRESH_SECONDS = 5.0
_MOST_SESSIONS = 50_000


class SessionCache:
    """Remembers for at most `FRESH_SECONDS` from the start of the read; the row decides, nothing is told."""

    def __init__(self) -> None:
        self._seen: OrderedDict[UUID, tuple[float, UUID | None]] = OrderedDict()

    def is_fresh(self, session_id: UUID, user_id: UUID) -> bool:
        """Whether this session of this user was found open a moment ago."""
        seen_at, owner = self._seen.get(session_id, (0.0, None))
        return owner == user_id and time.monotonic() - seen_at < FRESH_SECONDS

    def remember(self, session_id: UUID, user_id: UUID, *, read_at: float) -> None:
        """Note an open session; `read_at` is the monotonic time before the row was read."""
        if self._seen.get(session_id, (0.0, None))[0] < read_at:
            self._note(session_id, read_at, user_id)

    def forget(self, session_ids: Iterable[UUID]) -> None:
        """Note that what was read of these sessions is outdated: call it once the change is committed."""
        for session_id in session_ids:
            self._note(session_id, time.monotonic(), None)

    def _note(self, session_id: UUID, seen_at: float, user_id: UUID | None) -> None:
        self._seen[session_id] = seen_at, user_id
        self._seen.move_to_end(session_id)
        if len(self._seen) > _MOST_SESSIONS:
            self._seen.popitem(last=False)
