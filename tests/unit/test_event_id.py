"""Ids of reply events: attempt and characters in one number, in the order of the stream."""

import pytest

from app.kit.event_id import STREAM_START, UNKNOWN_EVENT, EventId


@pytest.mark.parametrize(
    ("event_id", "number"),
    [
        (EventId(0, 0), 0),
        (EventId(1, 0), 1_000_000_000),
        (EventId(1, 7), 1_000_000_007),
        (EventId.end_of(1), 1_999_999_999),
        (EventId(12, 345), 12_000_000_345),
    ],
)
def test_an_id_is_one_number_on_the_wire(event_id: EventId, number: int) -> None:
    assert int(event_id) == number
    assert str(event_id) == str(number)
    assert EventId.decode(number) == event_id
    assert EventId.parse(str(number)) == event_id


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1 ", "1.0", "1e9", "0x1", "garbage", "٣", "9" * 19])
def test_text_that_no_event_can_have_as_its_id_is_not_parsed(text: str) -> None:
    assert EventId.parse(text) is None


def test_an_id_too_long_for_python_to_convert_is_not_parsed() -> None:
    """Red without the bound on digits: `int` raises a ValueError, and the request answers 500."""
    assert EventId.parse("9" * 5000) is None


def test_ids_order_by_attempt_then_by_offset_and_the_end_is_last() -> None:
    ordered = [
        STREAM_START,
        EventId(1, 0),
        EventId(1, 500),
        EventId.end_of(1),
        EventId(2, 0),
        EventId.end_of(2),
        UNKNOWN_EVENT,
    ]
    assert sorted(ordered, reverse=True) == ordered[::-1]
    assert sorted(map(int, ordered)) == [int(event_id) for event_id in ordered]


def test_a_position_advances_by_the_characters_sent() -> None:
    assert EventId(2, 5).advanced(3) == EventId(2, 8)
