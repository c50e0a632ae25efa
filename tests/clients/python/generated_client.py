"""The client of openapi-python-client: run one promise by its name, with API and TOKEN in the environment."""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx_sse
from chat_client import AuthenticatedClient, Client
from chat_client.api.authentication import send_otp, sign_up, verify_otp
from chat_client.api.chatrooms import create_chatroom, update_chatroom
from chat_client.api.messages import send_message
from chat_client.api.user import get_me
from chat_client.models import (
    ChatroomIn,
    ChatroomOut,
    ChatroomPatch,
    ExchangeOut,
    MessageIn,
    Problem,
    ReplyDeltaEvent,
    ReplyEndEvent,
    SendOtpIn,
    SendOtpOut,
    SignupIn,
    TokensOut,
    UserOut,
    VerifyOtpIn,
)

API, NUMBER = os.environ["API"], os.environ["NUMBER"]
CLIENT = AuthenticatedClient(API, os.environ["TOKEN"])


def open_room(title: str) -> UUID:
    """A new room's id."""
    room = create_chatroom.sync(client=CLIENT, body=ChatroomIn(title=title))
    assert isinstance(room, ChatroomOut)
    return room.id


def signs_in() -> None:
    """Sign up, get a code, verify it."""
    anyone = Client(API)
    sign_up.sync(client=anyone, body=SignupIn(mobile_number=NUMBER, full_name="Ada"))
    sent = send_otp.sync(client=anyone, body=SendOtpIn(mobile_number=NUMBER))
    assert isinstance(sent, SendOtpOut)
    assert isinstance(sent.otp, str)
    tokens = verify_otp.sync(client=anyone, body=VerifyOtpIn(mobile_number=NUMBER, otp=sent.otp))
    assert isinstance(tokens, TokensOut)
    me = get_me.sync(client=AuthenticatedClient(API, tokens.access_token))
    assert isinstance(me, UserOut)
    assert me.full_name == "Ada"


def sends_a_message() -> None:
    """Get the exchange, with times that are times."""
    sent = send_message.sync(
        open_room("Typed"), client=CLIENT, body=MessageIn(content="Hello"), idempotency_key=str(uuid4())
    )
    assert isinstance(sent, ExchangeOut)
    assert sent.message.content == "Hello"
    assert sent.reply.reply_to == sent.message.id
    created: datetime = sent.reply.created_at
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def is_refused() -> None:
    """Get a problem with its code."""
    refused = send_message.sync(open_room("Refused"), client=CLIENT, body=MessageIn(content=" "))
    assert isinstance(refused, Problem)
    code: str = refused.code
    assert code == "validation_failed"


def renames_an_archived_room() -> None:
    """Change one thing at a time."""
    room = open_room("Old")
    assert ChatroomPatch(title="New").to_dict() == {"title": "New"}
    update_chatroom.sync(room, client=CLIENT, body=ChatroomPatch(archived=True))
    renamed = update_chatroom.sync(room, client=CLIENT, body=ChatroomPatch(title="New"))
    assert isinstance(renamed, ChatroomOut)
    assert (renamed.title, renamed.archived) == ("New", True)


def reads_typed_events() -> None:
    """Send a message and read its events with httpx-sse, cut after five pieces, then resumed."""
    http, room = CLIENT.get_httpx_client(), open_room("Events")
    body = MessageIn(content=f"[sandbox:pieces=60] [sandbox:pace=30] {uuid4()}").to_dict()
    text, last_id, reply = "", "", ""
    with httpx_sse.connect_sse(http, "POST", f"/chatroom/{room}/message/stream", json=body) as source:
        pieces = 0
        for event in source.iter_sse():
            data = json.loads(event.data)
            assert data["type"] == event.event
            last_id, reply = event.id, reply or data["reply"]["id"]
            if event.event == "delta":
                text += ReplyDeltaEvent.from_dict(data).text
                pieces += 1
            if pieces == 5:
                break
    end = None
    address, headers = f"/chatroom/{room}/message/{reply}/events", {"Last-Event-ID": last_id}
    with httpx_sse.connect_sse(http, "GET", address, headers=headers) as source:
        for event in source.iter_sse():
            data = json.loads(event.data)
            if event.event == "delta":
                text += ReplyDeltaEvent.from_dict(data).text
            else:
                end = ReplyEndEvent.from_dict(data)
    assert end is not None
    assert text.encode() == end.content.encode()


PROMISES: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (signs_in, sends_a_message, is_refused, renames_an_archived_room, reads_typed_events)
}

if __name__ == "__main__":
    PROMISES[sys.argv[1]]()
