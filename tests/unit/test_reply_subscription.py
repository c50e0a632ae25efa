"""The queue of signals of one subscriber."""

import asyncio
import uuid

from app.kit.event_id import EventId
from app.redis_client.reply_events import EventKind, ReplyEvent
from app.redis_client.reply_subscription import RECHECK, ReplySubscription, Signal

_START = ReplyEvent(EventId(1, 0), EventKind.START)


def _signals_of_a_new_reply(received: ReplyEvent | None) -> list[list[Signal]]:
    async def read() -> list[list[Signal]]:
        subscription = ReplySubscription(uuid.uuid4(), is_new=True)
        subscription.begin()
        if received is not None:
            subscription.put(received)
        return [await subscription.take(10), await subscription.take(0.2)]

    return asyncio.run(read())


def test_the_row_of_a_new_reply_is_read_only_if_no_event_comes() -> None:
    """Red without the delayed recheck: a reply that ended before the subscription began is not noticed."""
    assert _signals_of_a_new_reply(None) == [[RECHECK], []]
    assert _signals_of_a_new_reply(_START) == [[_START], []]


def test_a_slow_subscriber_is_told_to_read_the_row() -> None:
    """Red without the bound: a client that reads nothing makes the process keep every event."""

    async def read() -> list[Signal]:
        subscription = ReplySubscription(uuid.uuid4())
        for _ in range(501):
            subscription.put(_START)
        return await subscription.take(0)

    assert asyncio.run(read()) == [RECHECK, _START]
