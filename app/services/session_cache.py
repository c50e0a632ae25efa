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
        self._read_at: OrderedDict[tuple[UUID, UUID], float] = OrderedDict()

    def is_fresh(self, session_id: UUID, user_id: UUID) -> bool:
        """Whether this session of this user was found open a moment ago."""
        return time.monotonic() - self._read_at.get((session_id, user_id), -FRESH_SECONDS) < FRESH_SECONDS

    def remember(self, session_id: UUID, user_id: UUID, *, read_at: float) -> None:
        """Note an open session; `read_at` is the monotonic time before the row was read."""
        self._read_at[session_id, user_id] = read_at
        self._read_at.move_to_end((session_id, user_id))
        if len(self._read_at) > _MOST_SESSIONS:
            self._read_at.popitem(last=False)

    def forget(self, session_ids: Iterable[UUID]) -> None:
        """Drop sessions that this process has ended, so that they do not count for seconds more."""
        ended = set(session_ids)
        for key in [key for key in self._read_at if key[0] in ended]:
            del self._read_at[key]
