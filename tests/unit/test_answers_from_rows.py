"""Answers that are written straight from rows are those that their schema would write."""

import itertools
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from app.models import Message, MessageStatus, Role
from app.schemas.base import write_json
from app.schemas.chatroom import ChatroomOut, room_fields
from app.schemas.message import MessageOut, Usage, message_fields

_WHOLE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_TIMES = [_WHOLE, _WHOLE.replace(microsecond=1), _WHOLE.replace(microsecond=500_000)]
_TEXT = 'Quotes " \\ / \x00\x1f\x7f\b\f\n\r\t, ü, \u2028, 😀'


def _message(**columns: object) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(),
        "chatroom_id": uuid.uuid4(),
        "role": "model",
        "content": _TEXT,
        "status": "completed",
        "reply_to": None,
        "superseded": False,
        "error_code": None,
        "error_detail": None,
        "finish_reason": None,
        "model": None,
        "created_at": _WHOLE,
        "completed_at": None,
        **dict.fromkeys(Usage.model_fields),
        **columns,
    }


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"reply_to": uuid.uuid4(), "superseded": True, "finish_reason": "STOP", "model": "gemini"},
        {"error_code": "blocked", "error_detail": "Blocked."},
        {"error_code": "failed", "status": "failed", "content": ""},
        {"duration_ms": 12, "input_tokens": 3, "time_to_first_token_ms": 0},
        *({"created_at": time, "completed_at": time} for time in _TIMES),
        {"role": "user", "status": "pending"},
    ],
)
def test_a_message_is_written_as_its_schema_writes_it(columns: dict[str, object]) -> None:
    """Red when a field is missing, in another order, or a time without `Z`."""
    row = _message(**columns)
    message = Message(**{**row, "role": Role(row["role"]), "status": MessageStatus(row["status"])})
    assert write_json(message_fields(row)) == MessageOut.of(message).model_dump_json().encode()


@pytest.mark.parametrize(
    ("last_message_at", "title"), list(itertools.product([None, *_TIMES], [None, _TEXT]))
)
def test_a_room_is_written_as_its_schema_writes_it(
    last_message_at: datetime | None, title: str | None
) -> None:
    room = ChatroomOut(
        id=uuid.uuid4(),
        title=title,
        description=None,
        system_instruction=_TEXT,
        model=None,
        archived=False,
        message_count=2,
        last_message_at=last_message_at,
        created_at=_WHOLE,
        updated_at=_WHOLE,
    )
    row = {f"room_{name}": value for name, value in room.model_dump().items()}
    assert write_json(room_fields(row, prefix="room_")) == room.model_dump_json().encode()
