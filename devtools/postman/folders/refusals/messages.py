"""Messages that are refused, and the end of the day's messages."""

from typing import Final

from devtools.postman.model import MIDNIGHT, Checks, Folder, Request, matches, one_of, refusal
from devtools.postman.variables import new_key

_NOBODY: Final = "018f0000-0000-7000-8000-000000000000"
_ROOM: Final = {"chatroom_id": "{{second_chatroom_id}}"}
_KEY: Final = {"Idempotency-Key": "{{idempotency_key}}"}
_KEYED: Final = {"content": "Which song of the sea do you like?"}
_SEND_THREE: Final = """\
// Three messages, so that five of the day's five are used.
for (const number of [1, 2, 3]) {
  pm.sendRequest({
    url: pm.variables.replaceIn("{{base_url}}/chatroom/{{second_chatroom_id}}/message"),
    method: "POST",
    header: {
      Authorization: pm.variables.replaceIn("Bearer {{other_token}}"),
      "Content-Type": "application/json",
      Prefer: "respond-async",
    },
    body: { mode: "raw", raw: JSON.stringify({ content: `Message ${number} of three.` }) },
  }, () => {});
}
"""


def _invalid(name: str, body: object, *, at: str | None = "/content", before: str = "") -> Request:
    return refusal(
        name, "send_message", 400, "validation_failed", at=at, path=_ROOM, body=body, before=before
    )


def _used(count: int) -> Checks:
    return {
        f"{count} of five are used": {"quota.limit": 5, "quota.used": count, "quota.remaining": 5 - count}
    }


FOLDER: Final = Folder(
    "Messages",
    "A refused message uses nothing of the day. The second user then sends the five messages of Basic's day.",
    (
        _invalid("Empty message", {"content": ""}),
        _invalid("Blank message", {"content": " \n "}),
        _invalid(
            "Message too long",
            '{"content": "{{too_long}}"}',
            before='pm.variables.set("too_long", "x".repeat(32001));\n',
        ),
        _invalid("Message with an unknown field", {"content": "Hello", "role": "model"}, at="/role"),
        _invalid("Message, broken JSON", '{"content": "Hello', at=None),
        refusal(
            "Message without a token",
            "send_message",
            401,
            "authentication_required",
            path=_ROOM,
            body={"content": "Hello"},
            bearer="",
            checks={"it asks for a Bearer token": {"WWW-Authenticate": "Bearer"}},
        ),
        refusal(
            "Message to an unknown chatroom",
            "send_message",
            404,
            "chatroom_not_found",
            path={"chatroom_id": _NOBODY},
            body={"content": "Hello"},
        ),
        refusal(
            "Resume a stream that has no key",
            "stream_message",
            400,
            "validation_failed",
            text="Some libraries repeat a POST by themselves; without a key that would send a second "
            "message.",
            path=_ROOM,
            headers={"Last-Event-ID": "1000000005"},
            body={"content": "Hello"},
        ),
        Request(
            name="Send the first message of the second user",
            operation="send_message",
            status=201,
            path=_ROOM,
            before=new_key("idempotency_key"),
            headers=_KEY,
            body=_KEYED,
            checks={"completed": {"reply.status": "completed"}, **_used(1)},
            keep={"message_id": "message.id", "first_reply_id": "reply.id"},
        ),
        refusal(
            "The key for another message",
            "send_message",
            409,
            "idempotency_key_reused",
            path=_ROOM,
            headers=_KEY,
            body={"content": "Something else"},
        ),
        Request(
            name="Send the second message",
            operation="send_message",
            status=202,
            path=_ROOM,
            headers={"Prefer": "respond-async"},
            body={"content": "Sing it."},
            checks={"on its way": {"reply.status": one_of("pending", "generating")}, **_used(2)},
        ),
        refusal(
            "Regenerate an old reply",
            "regenerate_reply",
            409,
            "not_latest",
            path={**_ROOM, "reply_id": "{{first_reply_id}}"},
        ),
        refusal(
            "Read an unknown message",
            "get_message",
            404,
            "message_not_found",
            path={**_ROOM, "message_id": _NOBODY},
        ),
        refusal(
            "Read a message, id that is no UUID",
            "get_message",
            404,
            "message_not_found",
            path={**_ROOM, "message_id": "not-a-uuid"},
        ),
        refusal(
            "List the messages, bad cursor",
            "list_messages",
            400,
            "cursor_invalid",
            path=_ROOM,
            query={"cursor": "garbage"},
        ),
        refusal(
            "List the messages of an unknown chatroom",
            "list_messages",
            404,
            "chatroom_not_found",
            path={"chatroom_id": _NOBODY},
        ),
        refusal(
            "Send the sixth message of the day",
            "send_message",
            429,
            "daily_limit_reached",
            text="Three more messages are sent first, so that five are used.",
            path=_ROOM,
            before=_SEND_THREE,
            body={"content": "One more?"},
            checks={
                "it says what the limit is, when it ends, and what lifts it": {
                    "limit": 5,
                    "used": 5,
                    "upgrade": "/subscribe/pro",
                    "resets_at": MIDNIGHT,
                    "Retry-After": matches("^[1-9][0-9]{0,4}$"),
                    "RateLimit": matches(', "daily";r=0;t=[0-9]+$'),
                }
            },
        ),
        Request(
            name="A repetition is no message: not refused",
            operation="send_message",
            status=201,
            path=_ROOM,
            headers=_KEY,
            body=_KEYED,
            checks={
                "the same message and reply": {
                    "message.id": "{{message_id}}",
                    "reply.id": "{{first_reply_id}}",
                    "Idempotent-Replayed": "true",
                },
                **_used(5),
            },
        ),
        Request(
            name="Status, the day used up",
            operation="get_subscription",
            status=200,
            checks={
                "basic, five of five used": {
                    "plan": "basic",
                    "status": None,
                    "current_period_end": None,
                    "cancel_at_period_end": False,
                    "grace_until": None,
                    "usage.limit": 5,
                    "usage.used": 5,
                    "usage.remaining": 0,
                    "usage.resets_at": MIDNIGHT,
                }
            },
        ),
    ),
)
