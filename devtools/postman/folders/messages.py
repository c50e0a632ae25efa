"""Messages: retried with a key, sent without waiting, followed, listed."""

from typing import Final

from devtools.postman.model import (
    A_TIME,
    NOTHING,
    SOME_TEXT,
    Assertion,
    Checks,
    Folder,
    Request,
    above,
    count,
    has,
    one_of,
)
from devtools.postman.variables import new_key

_SEA: Final = "Hello! My favourite sea is the Baltic."
_KEY: Final = {"Idempotency-Key": "{{idempotency_key}}"}
_THE_REPLY: Final = {"message_id": "{{async_reply_id}}", "reply_id": "{{async_reply_id}}"}


def _exchange(used: int) -> Checks:
    return {
        "the message, and its finished reply": {
            "message.chatroom_id": "{{chatroom_id}}",
            "message.role": "user",
            "message.status": "completed",
            "reply.role": "model",
            "reply.status": "completed",
            "reply.error": None,
            "reply.content": SOME_TEXT,
            "reply.usage.output_tokens": above(0),
            "reply.reply_to === body.message.id": True,
        },
        f"{used} of five messages of the day are used": {
            "quota.limit": 5,
            "quota.used": used,
            "quota.remaining": 5 - used,
        },
    }


FOLDER: Final = Folder(
    "Messages",
    "The conversation of the test flow continues, with three more of the day's five messages.",
    (
        Request(
            name="Send a message with an Idempotency-Key",
            operation="send_message",
            status=201,
            text="A key for each message that the user sends: however often the request is repeated, the "
            "message is "
            "stored, answered and counted once.",
            before=new_key("idempotency_key"),
            headers=_KEY,
            body={"content": _SEA},
            checks={**_exchange(2), "not a repetition": {"Idempotent-Replayed": NOTHING}},
            keep={"message_id": "message.id", "reply_id": "reply.id"},
        ),
        Request(
            name="The same again, since the answer was lost",
            operation="send_message",
            status=201,
            headers=_KEY,
            body={"content": _SEA},
            checks={
                "the same message and reply, and nothing more is used": {
                    "message.id": "{{message_id}}",
                    "reply.id": "{{reply_id}}",
                    "quota.used": 2,
                },
                "it says that this is a repetition": {"Idempotent-Replayed": "true"},
            },
        ),
        Request(
            name="Read one message",
            operation="get_message",
            status=200,
            checks={
                "the message": {
                    "id": "{{message_id}}",
                    "role": "user",
                    "status": "completed",
                    "content": _SEA,
                    "reply_to": None,
                }
            },
        ),
        Request(
            name="Send a message without waiting",
            operation="send_message",
            status=202,
            text="`Prefer: respond-async` answers at once; the reply is written in the background.",
            headers={"Prefer": "respond-async"},
            body={"content": "Write a poem about the sea."},
            checks={
                "stored, and the reply is on its way": {
                    "message.status": "completed",
                    "reply.status": one_of("pending", "generating"),
                    "reply.reply_to === body.message.id": True,
                    "quota.used": 3,
                },
                "the preference was applied": {"Preference-Applied": "respond-async"},
                "the address of the reply": {"Location": has("/message/")},
            },
            keep={"async_message_id": "message.id", "async_reply_id": "reply.id"},
        ),
        Request(
            name="Wait for that reply",
            operation="get_message",
            status=200,
            path=_THE_REPLY,
            text="`Prefer: wait=n` waits up to n seconds (60 at most) for a reply to finish.",
            headers={"Prefer": "wait=20"},
            checks={
                "completed": {
                    "id": "{{async_reply_id}}",
                    "role": "model",
                    "status": "completed",
                    "reply_to": "{{async_message_id}}",
                    "content": SOME_TEXT,
                },
                "the preference was applied": {"Preference-Applied": "wait=20"},
            },
        ),
        Request(
            name="Follow that reply as events",
            operation="follow_reply",
            status=200,
            path=_THE_REPLY,
            text="Server-sent events: all of the reply from its start, or what comes after `Last-Event-ID`.",
            headers={"Accept": "text/event-stream"},
            checks={
                "events": {"Content-Type": has("text/event-stream")},
                "from the message to one end": {
                    "text()": Assertion("to.match(/^event: message$/m).and.match(/^event: delta$/m)"),
                    "text().match(/^event: end$/gm)": count(1),
                },
            },
        ),
        Request(
            name="Follow it behind its end",
            operation="follow_reply",
            status=204,
            path=_THE_REPLY,
            text="Behind the last event there is nothing: 204, so that a client stops to reconnect.",
            headers={"Last-Event-ID": "1999999999"},
        ),
        Request(
            name="Cancel a reply",
            operation="cancel_reply",
            status=200,
            path=_THE_REPLY,
            text="Stops a reply that waits or is being written; the text so far is kept. This one has "
            "ended, so it "
            "stays as it is.",
            checks={"completed, as before": {"id": "{{async_reply_id}}", "status": "completed"}},
        ),
        Request(
            name="Ask about an earlier message, with a wait of its own",
            operation="send_message",
            status=201,
            text="The reply is made with the conversation before it.",
            headers={"Prefer": "wait=20"},
            body={"content": "What is my favourite sea?"},
            checks={
                **_exchange(4),
                "the conversation is remembered": {"reply.content": has("Baltic")},
                "the preference was applied": {"Preference-Applied": "wait=20"},
            },
        ),
        Request(
            name="List the messages, a page of two",
            operation="list_messages",
            status=200,
            query={"limit": "2"},
            checks={
                "the newest exchange, the reply first, and more to come": {
                    "messages": count(2),
                    "messages[0].role": "model",
                    "messages[1].role": "user",
                    "next_cursor": SOME_TEXT,
                }
            },
            keep={"cursor": "next_cursor"},
        ),
        Request(
            name="List the page after it",
            operation="list_messages",
            status=200,
            query={"limit": "2", "cursor": "{{cursor}}"},
            checks={
                "the exchange before": {
                    "messages[0].id": "{{async_reply_id}}",
                    "messages[1].id": "{{async_message_id}}",
                }
            },
        ),
        Request(
            name="Open the chatroom with its conversation",
            operation="get_chatroom",
            status=200,
            checks={
                "four exchanges, oldest first": {
                    "message_count": 8,
                    "last_message_at": A_TIME,
                    'messages.map((each) => each.role).join(" ")': " ".join(["user model"] * 4),
                    "messages[0].content": "Write a line about the sea.",
                    "messages[2].id": "{{message_id}}",
                    "messages[3].reply_to": "{{message_id}}",
                }
            },
        ),
    ),
)
