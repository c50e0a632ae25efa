"""Exports of an account and of a room."""

from typing import Final

from app.schemas import export
from app.schemas.examples.chat import QUESTION, REPLY, ROOM
from app.schemas.examples.identity import DAY, SESSION, USER
from app.schemas.examples.timestamps import ANSWERED, ASKED, NEXT_MONTH, SIGNED_UP

EXPORTED: Final = export.AccountExport(
    exported_at=ANSWERED,
    account=export.ExportedAccount(**dict(USER), verified_at=SIGNED_UP, stripe_customer_id=None),
    sessions=[
        export.ExportedSession(
            id=SESSION.id,
            opened_by="login",
            device_name=SESSION.device_name,
            user_agent=SESSION.device,
            ip_address=SESSION.ip,
            created_at=SIGNED_UP,
            last_used_at=ASKED,
            last_used_ip=SESSION.ip,
            refresh_expires_at=NEXT_MONTH,
            ended_at=None,
        )
    ],
    usage=[DAY],
    subscriptions=[],
    checkouts=[],
    operator_actions=[],
    chatrooms=[
        export.ExportedRoomWithMessages(
            **dict(ROOM),
            summary=None,
            messages=[
                export.ExportedMessage(
                    **dict(line), idempotency_key=None, request_id="4f9d8a52c9a5", charged_on=None
                )
                for line in (REPLY,)
            ],
        )
    ],
)

ROOM_EXPORTED: Final = export.ChatroomExport(exported_at=ANSWERED, chatroom=ROOM, messages=[REPLY])
ROOM_IN_MARKDOWN: Final = f"""# {ROOM.title}

*{REPLY.model}, exported 2026-01-31 12:00 UTC*

---

## **You** (2026-01-31 12:00 UTC)

{QUESTION.content}

---

## **Gemini** (2026-01-31 12:00 UTC)

{REPLY.content}
"""
