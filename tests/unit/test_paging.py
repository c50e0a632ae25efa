"""Keyset pages and their signed cursors."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from app.errors import CursorInvalid
from app.kit.paging import CursorPage, CursorSigner, time_and_id
from app.kit.utc_text import utc_text

_CURSORS = CursorSigner(b"key")
_ID = UUID("019a0000-0000-7000-8000-000000000001")


def _page(rows: list[int], *, limit: int, found: int | None = None) -> CursorPage[int]:
    return _CURSORS.page("numbers", rows, limit=limit, position=lambda row: (str(row),), found=found)


def test_a_page_ends_at_its_limit_and_continues_after_its_last_row() -> None:
    page = _page([5, 4, 3], limit=2)
    assert page.rows == [5, 4]
    assert _CURSORS.start("numbers", page.next_cursor, int) == 4


@pytest.mark.parametrize("rows", [[], [5], [5, 4]])
def test_the_last_page_has_no_cursor(rows: list[int]) -> None:
    """Red when a full page is taken for one with a successor."""
    assert _page(rows, limit=2) == CursorPage(rows, None)


def test_a_page_that_was_cut_short_continues() -> None:
    """Red when rows that were found but not loaded are not counted."""
    page = _page([5], limit=2, found=2)
    assert _CURSORS.start("numbers", page.next_cursor, int) == 5
    assert _page([5], limit=2, found=1).next_cursor is None


def test_a_first_page_has_no_position() -> None:
    assert _CURSORS.start("numbers", None, int) is None


def test_a_position_of_time_and_id_is_read_as_it_was_written() -> None:
    time = datetime(2026, 11, 26, 13, 0, 0, 123_456, UTC)
    for written in (utc_text(time), time.isoformat()):
        assert _CURSORS.start("rooms", _CURSORS.make("rooms", written, str(_ID)), time_and_id) == (time, _ID)


@pytest.mark.parametrize("cursor", ["", "garbage", "é", "====", "A" * 16])
def test_what_was_not_signed_is_rejected(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        _CURSORS.read("numbers", cursor)


def test_a_cursor_of_another_list_or_key_or_with_another_position_is_rejected() -> None:
    """Red when the scope, the key or the position is left out of the signature."""
    cursor = _CURSORS.make("numbers", "4")
    forged = cursor[:16] + CursorSigner(b"x").make("numbers", "5")[16:]
    for signer, scope, given in (
        (_CURSORS, "letters", cursor),
        (CursorSigner(b"other"), "numbers", cursor),
        (_CURSORS, "numbers", forged),
    ):
        with pytest.raises(CursorInvalid):
            signer.read(scope, given)


def test_times_are_written_in_utc_with_a_z() -> None:
    """Red when an offset is kept, or a fraction is added or lost."""
    time = datetime(2026, 11, 26, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    assert utc_text(time) == "2026-11-26T12:30:00Z"
    assert utc_text(time.replace(microsecond=1500)) == "2026-11-26T12:30:00.001500Z"
