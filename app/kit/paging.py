"""Keyset pages: rows after a position, and an opaque signed cursor for the next page."""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from app.errors import CursorInvalid

DEFAULT_PAGE = 50
"""Items of a page, in every list, when the request names no limit."""

_MAC_BYTES = 12

Row_co = TypeVar("Row_co", covariant=True)
Row = TypeVar("Row")
Position = TypeVar("Position")


@dataclass(frozen=True, slots=True)
class CursorPage(Generic[Row_co]):
    """The rows of a page, and the cursor of the next page, if there is one."""

    rows: Sequence[Row_co]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class CursorSigner:
    """Signs the positions at which lists continue; `scope` names a list and its owner."""

    key: bytes

    def make(self, scope: str, *position: str) -> str:
        """Return a cursor for this position of the list."""
        payload = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(scope, payload) + payload).decode().rstrip("=")

    def read(self, scope: str, cursor: str) -> list[str]:
        """Return the position in a cursor of this list.

        Raises:
            CursorInvalid: not a cursor of this list.
        """
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise CursorInvalid from error
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(scope, payload)):
            raise CursorInvalid
        position: list[str] = json.loads(payload)
        return position

    def start(self, scope: str, cursor: str | None, parse: Callable[..., Position]) -> Position | None:
        """Return the position at which a page starts; None for the first page.

        `parse` makes the position of the cursor's texts.

        Raises:
            CursorInvalid: not a cursor of this list.
        """
        return None if cursor is None else parse(*self.read(scope, cursor))

    def page(
        self,
        scope: str,
        rows: Sequence[Row],
        *,
        limit: int,
        position: Callable[[Row], Sequence[str]],
        found: int | None = None,
    ) -> CursorPage[Row]:
        """Cut a page from up to `limit + 1` rows; the one beyond the limit shows that more follow.

        `position` returns the texts of a row's position. `found` is the number of rows, if some of them
        were not loaded.
        """
        page = rows[:limit]
        has_more = (len(rows) if found is None else found) > len(page)
        return CursorPage(page, self.make(scope, *position(page[-1])) if has_more else None)

    def _mac(self, scope: str, payload: bytes) -> bytes:
        return hmac.digest(self.key, scope.encode() + b"\n" + payload, "sha256")[:_MAC_BYTES]


def time_and_id(time: str, row_id: str) -> tuple[datetime, UUID]:
    """Parse the position of a row in a list ordered by time and id."""
    return datetime.fromisoformat(time), UUID(row_id)
