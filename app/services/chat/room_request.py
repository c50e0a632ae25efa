"""Digests of a keyed request for a room, by which a retry is told from another request."""

import hashlib
import json
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from app.schemas.chatroom import ChatroomIn


@dataclass(frozen=True, slots=True)
class RoomRequest:
    """A request with an Idempotency-Key. Neither the key nor the body can be read from the digests."""

    user_id: UUID
    key_digest: bytes
    body_digest: bytes

    @classmethod
    def of(cls, user_id: UUID, key: str, body: ChatroomIn) -> Self:
        """Compute the digests; bodies that ask for the same room have the same one."""
        salted_key = user_id.bytes + key.encode()
        # Without fields that are null: no body, {} and one written out in full ask for the same.
        content = json.dumps(body.model_dump(exclude_none=True), sort_keys=True).encode()
        return cls(
            user_id,
            hashlib.sha256(salted_key).digest(),
            hashlib.sha256(salted_key + b"\0" + content).digest(),
        )
