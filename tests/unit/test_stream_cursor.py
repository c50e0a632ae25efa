"""The cursor of a stream: every character once, in order, from whatever source it comes."""

import itertools

from app.kit.event_id import UNKNOWN_EVENT, EventId
from app.schemas.sse import ReplyDeltaEvent, SseEvent
from app.services.generation.stream_cursor import StreamCursor


def _kinds(events: list[SseEvent] | None) -> list[str]:
    assert events is not None
    return [event.kind.value for event in events]


def _text(events: list[SseEvent] | None) -> str:
    assert events is not None
    return "".join(event.data.text for event in events if isinstance(event.data, ReplyDeltaEvent))


def test_a_new_stream_begins_with_start() -> None:
    cursor = StreamCursor()
    assert _kinds(cursor.advance(1, 0, "")) == ["start"]
    assert _kinds(cursor.advance(1, 0, "Hi")) == ["delta"]
    assert cursor.position == EventId(1, 2)


def test_text_and_attempt_that_are_new_come_together() -> None:
    assert _kinds(StreamCursor().advance(1, 0, "Hi")) == ["start", "delta"]


def test_a_gap_is_not_forwarded() -> None:
    """Red without the comparison of offsets: the text after the gap is shown as if it followed."""
    cursor = StreamCursor(EventId(1, 5))
    assert cursor.advance(1, 9, "after the gap") is None
    assert cursor.advance(2, 3, "not the beginning") is None
    assert cursor.position == EventId(1, 5)
    assert StreamCursor().advance(1, 5, "not the beginning") is None


def test_text_that_was_sent_is_not_sent_again() -> None:
    """Red when overlapping text is not cut: the client shows it twice."""
    cursor = StreamCursor(EventId(1, 5))
    assert cursor.advance(1, 0, "Hello") == []
    assert _text(cursor.advance(1, 3, "lo there")) == " there"
    assert cursor.advance(1, 0, "Hello there") == []


def test_pieces_in_any_order_with_repeats_give_the_text() -> None:
    text = "abcdef"
    pieces = [(begin, text[begin:end]) for begin, end in itertools.combinations(range(7), 2)]
    for order in (pieces, pieces[::-1]):
        cursor, shown = StreamCursor(EventId(1, 0)), ""
        for _ in range(2):
            for offset, piece in order:
                shown += _text(cursor.advance(1, offset, piece) or [])
        assert shown == text


def test_a_later_attempt_restarts_and_an_earlier_one_is_ignored() -> None:
    """Red when `restart` is left out: the client appends the second attempt to the first."""
    cursor = StreamCursor()
    cursor.advance(1, 0, "first")
    assert _kinds(cursor.advance(2, 0, "second")) == ["restart", "delta"]
    assert cursor.advance(1, 5, " more") == []
    assert cursor.position == EventId(2, 6)


def test_an_attempt_without_text_is_followed_by_start_not_restart() -> None:
    cursor = StreamCursor()
    cursor.advance(1, 0, "")
    assert _kinds(cursor.advance(2, 0, "")) == ["start"]


def test_a_client_resumes_after_its_last_event() -> None:
    cursor = StreamCursor.resume(EventId(1, 5), newest=EventId(1, 11))
    events = cursor.advance(1, 0, "Hello there")
    assert _kinds(events) == ["delta"]
    assert _text(events) == " there"


def test_an_id_ahead_of_the_row_restarts_the_attempt() -> None:
    """Red without the check: a client with an id of its own making never receives the text."""
    for unknown in (UNKNOWN_EVENT, EventId(2, 0), EventId(1, 12)):
        cursor = StreamCursor.resume(unknown, newest=EventId(1, 11))
        assert _kinds(cursor.advance(1, 0, "Hello there")) == ["restart", "delta"]


def test_an_id_ahead_of_the_stored_text_is_kept_while_the_reply_is_written() -> None:
    """The row is saved later than the text is streamed."""
    cursor = StreamCursor.resume(EventId(1, 12), newest=EventId.end_of(1))
    assert cursor.position == EventId(1, 12)


def test_an_event_is_encoded_once_for_all_clients() -> None:
    """Red when each stream encodes its own: 2,000 clients keep a process busy."""
    cursors = [StreamCursor(EventId(1, 5)) for _ in range(3)]
    [first, *others] = [(cursor.advance(1, 5, "the same words") or [])[0] for cursor in cursors]
    assert (
        first.encoded == b'id: 1000000019\nevent: delta\ndata: {"type":"delta","text":"the same words"}\n\n'
    )
    assert all(other is first and other.encoded is first.encoded for other in others)
