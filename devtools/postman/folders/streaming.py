"""On Pro: messages without a limit, replies as they are written, and replies that are made again."""

from typing import Final

from devtools.postman.model import Assertion, Checks, Folder, Request, count, differs_from, has

_EVENTS: Final[Checks] = {
    "events": {"Content-Type": has("text/event-stream")},
    "from the message to one end, each with its type": {
        "text()": Assertion('to.include("event: message").and.include(\'data: {"type":"delta"\')'),
        "text().match(/^event: end$/gm)": count(1),
        'text().includes(\'"status":"completed"\')': True,
    },
}

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
        Request(
            name="Send a message and watch the reply",
            operation="stream_message",
            status=200,
            body={"content": "Write a line about the wind."},
            checks=_EVENTS,
            keep={"reply_id": 'text().match(/"reply":{"id":"([^"]+)"/)[1]'},
        ),
        Request(
            name="Regenerate and watch the new reply",
            operation="stream_regeneration",
            status=200,
            checks=_EVENTS,
        ),
    ),
)
