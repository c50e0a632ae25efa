"""Opaque cursors: signed, so that a page is only ever continued where it was begun."""

import base64
import binascii
import hmac
import json
from dataclasses import dataclass

from app.errors import CursorInvalid

DEFAULT_PAGE = 50
"""How many items a page has, everywhere, when the caller says nothing."""

_MAC_BYTES = 12


@dataclass(frozen=True, slots=True)
class CursorSigner:
    """Makes and reads cursors; `scope` names the list and its owner."""

    key: bytes

    def make(self, scope: str, *position: str) -> str:
        """A cursor at this position of the list."""
        payload = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(scope, payload) + payload).decode().rstrip("=")

    def read(self, scope: str, cursor: str) -> list[str]:
        """The position in a cursor of this very list.

        Raises:
            CursorInvalid: garbage, or a cursor of another list or person.
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

    def _mac(self, scope: str, payload: bytes) -> bytes:
        return hmac.digest(self.key, scope.encode() + b"\n" + payload, "sha256")[:_MAC_BYTES]
