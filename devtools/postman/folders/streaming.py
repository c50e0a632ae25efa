"""On Pro: messages without a limit, a reply that is made again."""

from typing import Final

from devtools.postman.model import Folder, Request, differs_from

FOLDER: Final = Folder(
    "Streaming and regenerating",
    "On Pro the day's messages have no limit, so these requests follow the payment.",
    (
        Request(
            name="Send a message on Pro",
            operation="send_message",
            status=201,
            body={"content": "Now without a limit."},
            checks={
                "counted, not limited": {"quota.limit": None, "quota.used": 5, "quota.remaining": None},
                "completed": {"reply.status": "completed"},
            },
            keep={"message_id": "message.id", "reply_id": "reply.id"},
        ),
        Request(
            name="Regenerate the reply",
            operation="regenerate_reply",
            status=201,
            text="Makes a new reply to the newest message of the room, and counts like a message. The old "
            "reply stays in "
            "the history as `superseded`.",
            checks={
                "a new reply to the same message": {
                    "message.id": "{{message_id}}",
                    "reply.id": differs_from("{{reply_id}}"),
                    "reply.reply_to": "{{message_id}}",
                    "reply.status": "completed",
                    "reply.superseded": False,
                    "quota.used": 6,
                }
            },
        ),
        Request(
            name="Read the old reply",
            operation="get_message",
            status=200,
            path={"message_id": "{{reply_id}}"},
            checks={"superseded": {"id": "{{reply_id}}", "superseded": True}},
        ),
    ),
)
