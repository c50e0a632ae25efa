"""Rooms: opened, listed, changed, archived, deleted."""

from typing import Final

from devtools.postman.model import NOTHING, SOME_TEXT, Folder, Request, count, matches
from devtools.postman.variables import new_key

_KEY: Final = {"Idempotency-Key": "{{room_key}}"}
_OTHER: Final = {"chatroom_id": "{{other_chatroom_id}}"}

FOLDER: Final = Folder(
    "Chatrooms",
    "A second room is opened, changed and deleted. The list of rooms is never older than the user's own "
    "last change.",
    (
        Request(
            name="Create a chatroom without a body",
            operation="create_chatroom",
            status=201,
            text="A room without a title gets one from its first message; one without a model follows the "
            "default of "
            "`GET /models`.\n\n"
            "With an `Idempotency-Key` the request can be repeated: it opens one room.",
            before=new_key("room_key"),
            headers=_KEY,
            checks={
                "a room with nothing set": {
                    "title": None,
                    "description": None,
                    "system_instruction": None,
                    "model": None,
                    "message_count": 0,
                },
                "not a repetition": {"Idempotent-Replayed": NOTHING},
                "the address of the room": {"Location": matches("^/chatroom/[0-9a-f-]{36}$")},
            },
            keep={"other_chatroom_id": "id"},
        ),
        Request(
            name="The same again, since the answer was lost",
            operation="create_chatroom",
            status=201,
            headers=_KEY,
            checks={
                "the same room": {"id": "{{other_chatroom_id}}"},
                "it says that this is a repetition": {"Idempotent-Replayed": "true"},
            },
        ),
        Request(
            name="List the chatrooms",
            operation="list_chatrooms",
            status=200,
            checks={
                "the new room comes first": {
                    "chatrooms": count(2),
                    "chatrooms[0].id": "{{other_chatroom_id}}",
                    "chatrooms[1].id": "{{chatroom_id}}",
                    "next_cursor": None,
                },
                "read from the database": {"X-Cache": "MISS"},
            },
        ),
        Request(
            name="List the chatrooms again, from the cache",
            operation="list_chatrooms",
            status=200,
            checks={
                "the same list": {"chatrooms[0].id": "{{other_chatroom_id}}", "chatrooms": count(2)},
                "read from Redis": {"X-Cache": "HIT"},
            },
            keep={"chatrooms_etag": "ETag"},
        ),
        Request(
            name="List the chatrooms if they have changed",
            operation="list_chatrooms",
            status=304,
            text="With the `ETag` of the last answer as `If-None-Match`, an unchanged list is 304 without "
            "a body.",
            headers={"If-None-Match": "{{chatrooms_etag}}"},
            checks={"no list, and the same tag": {"text()": "", "ETag": "{{chatrooms_etag}}"}},
        ),
        Request(
            name="List a page of one",
            operation="list_chatrooms",
            status=200,
            query={"limit": "1"},
            checks={
                "the newest room, and more to come": {
                    "chatrooms": count(1),
                    "chatrooms[0].id": "{{other_chatroom_id}}",
                    "next_cursor": SOME_TEXT,
                }
            },
            keep={"cursor": "next_cursor"},
        ),
        Request(
            name="List the page after it",
            operation="list_chatrooms",
            status=200,
            query={"limit": "1", "cursor": "{{cursor}}"},
            checks={"the other room": {"chatrooms[0].id": "{{chatroom_id}}", "next_cursor": None}},
        ),
        Request(
            name="Open the room of the test flow",
            operation="get_chatroom",
            status=200,
            text="The room with its newest 50 messages, oldest first, and the cursor for older ones.",
            checks={
                "the room with its conversation": {
                    "id": "{{chatroom_id}}",
                    "title": "Poems",
                    "messages": count(2),
                    "messages[0].id": "{{message_id}}",
                    "messages[1].id": "{{reply_id}}",
                    "next_cursor": None,
                }
            },
        ),
        Request(
            name="Rename a room",
            operation="update_chatroom",
            status=200,
            path=_OTHER,
            body={"title": "  Recipes ", "description": "For two"},
            checks={
                "the named fields have changed, the others stay": {
                    "title": "Recipes",
                    "description": "For two",
                    "archived": False,
                    "message_count": 0,
                }
            },
        ),
        Request(
            name="Archive a room",
            operation="update_chatroom",
            status=200,
            path=_OTHER,
            text="An archived room leaves the list until the next message in it.",
            body={"archived": True},
            checks={"archived, its title kept": {"title": "Recipes", "archived": True}},
        ),
        Request(
            name="List the archive",
            operation="list_chatrooms",
            status=200,
            query={"archived": "true"},
            checks={"the archived room": {"chatrooms": count(1), "chatrooms[0].id": "{{other_chatroom_id}}"}},
        ),
        Request(
            name="Delete a room",
            operation="delete_chatroom",
            status=204,
            path=_OTHER,
            checks={"no body": {"text()": ""}},
        ),
    ),
)
