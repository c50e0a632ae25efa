"""New exchanges: the title from a message, and the response for stored values."""

import datetime as dt
import uuid

import pytest

from app.models import MessageStatus, Plan, Role
from app.repositories.sending import StoredExchange
from app.repositories.usage import UsageStatus
from app.schemas.quota import Quota
from app.services.chat.exchanges import accept, first_words, new_exchange

_NOW = dt.datetime(2031, 5, 2, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("Hello there", "Hello there"),
        ("  two\n lines\tand spaces ", "two lines and spaces"),
        ("\x00\x07bell", "bell"),
        ("x" * 61, "x" * 60),
        ("x" * 59 + " y", "x" * 59),
        (" \n\t", None),
        ("\x00", None),
        (" " * 2000 + "late", None),
    ],
)
def test_a_title_is_the_beginning_of_a_message_on_one_line(content: str, title: str | None) -> None:
    assert first_words(content) == title


def test_a_new_exchange_is_a_completed_message_and_a_pending_reply() -> None:
    """Both have the time that storing decided, which may be later than the application's."""
    new = new_exchange(
        user_id=uuid.uuid4(),
        chatroom_id=uuid.uuid4(),
        content="Hello",
        now=_NOW,
        idempotency_key=None,
        request_id="request",
    )
    stored_at = _NOW + dt.timedelta(hours=1)
    stored = StoredExchange(UsageStatus(Plan.BASIC, used=1), "gemini", stored_at)
    quota = Quota(limit=5, used=1, remaining=4, resets_at=_NOW)
    accepted = accept(new, stored, quota)
    message, reply = accepted.exchange.message, accepted.exchange.reply
    assert (message.id, message.role, message.status) == (new.message_id, Role.USER, MessageStatus.COMPLETED)
    assert (reply.id, reply.role, reply.status) == (new.reply_id, Role.MODEL, MessageStatus.PENDING)
    assert (reply.reply_to, reply.model, reply.content) == (message.id, "gemini", "")
    assert message.created_at == message.completed_at == reply.created_at == stored_at
    assert reply.completed_at is None
    assert (accepted.exchange.quota, accepted.is_replay) == (quota, False)
