"""Digests of a create request with a key; they distinguish a retry from another request."""

import hashlib
import json
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from app.schemas.chatroom import ChatroomIn


@dataclass(frozen=True, slots=True)
class RoomRequest:
    """A create request with an Idempotency-Key, as digests from which neither key nor body can be read."""

    user_id: UUID
    key_digest: bytes
    body_digest: bytes

    @classmethod
    def of(cls, user_id: UUID, key: str, body: ChatroomIn) -> Self:
        """Compute the digests; equivalent bodies have the same digest."""
        salted_key = user_id.bytes + key.encode()
        # Without null fields: no body, {} and a body with all fields null are equivalent.
        content = json.dumps(body.model_dump(exclude_none=True), sort_keys=True).encode()
        return cls(
            user_id,
            hashlib.sha256(salted_key).digest(),
            hashlib.sha256(salted_key + b"\0" + content).digest(),
        )
