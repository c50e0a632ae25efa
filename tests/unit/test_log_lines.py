"""Short lines for a terminal: what is in them, and what a terminal must not obey."""

import io
import re

import pytest

from app.log_lines.form import form_of, has_colours
from app.log_lines.terminal import short_duration, terminal_line

_REQUEST = {
    "method": "POST",
    "route": "/chatroom/{chatroom_id}/message",
    "status": 201,
    "duration_ms": 1234.5,
    "event": "request",
    "request_id": "1151d3aa1151d3aa1151d3aa1151d3aa",
    "user_id": "0199b7a2-1151-7d3a-a115-1d3aa1151d3a",
    "chatroom_id": "0199b7a2-1151-7d3a-a115-1d3aa1151d3b",
    "level": "info",
    "logger": "app.middleware.context",
    "timestamp": "2026-11-26T21:23:05.123456Z",
}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _line(**fields: object) -> str:
    """Render a line without colours, and return it without its time."""
    line = terminal_line({"level": "info", "logger": "app.x", "timestamp": "", **fields}, colours=False)
    assert re.match(r"\d\d:\d\d:\d\d ", line)
    return line[9:]


def test_a_request_is_its_route_status_duration_and_id() -> None:
    assert _line(**_REQUEST) == "POST /chatroom/{chatroom_id}/message 201 1.23 s  req 1151d3…"
    left = {"status": 499, "duration_ms": 12.0, "disconnected": True, "unsent_status": 202}
    assert _line(**_REQUEST | left) == (
        "POST /chatroom/{chatroom_id}/message 499 12 ms disconnected unsent_status=202  req 1151d3…"
    )


def test_other_events_are_their_level_name_and_fields() -> None:
    failed = {"event": "model_failed", "level": "warning", "failure": "timeout", "reason": "no answer"}
    assert _line(**failed, retries=0, request_id="short") == (
        "warning model_failed failure=timeout reason='no answer' retries=0  req short"
    )
    assert _line(event="reply_recorded", status="completed", error=None, duration_ms=12) == (
        "reply_recorded status=completed duration_ms=12"
    )


def test_ids_are_shortened_to_what_differs() -> None:
    """The first digits of an id are its time, alike in all of a minute."""
    reply = "0199b7a2-1151-7d3a-a115-1d3aa1c0ffee"
    assert _line(event="reply_rescued", reply_id=reply) == "reply_rescued reply_id=…c0ffee"
    assert _line(event="account_deleted", user_id=reply) == "account_deleted user_id=…c0ffee"


def test_a_traceback_and_further_lines_are_indented_below() -> None:
    trace = "Traceback (most recent call last):\n  File\nValueError: x"
    assert _line(event="request_crashed", level="error", exception=trace) == (
        "error request_crashed\n  Traceback (most recent call last):\n    File\n  ValueError: x"
    )
    assert _line(event="Registered tasks: \n['one']\n") == "Registered tasks: \n  ['one']"


def test_no_text_of_a_line_reaches_a_terminal_as_a_command() -> None:
    """Red without the escape: a text of a library could clear the screen or forge a line."""
    assert _line(event="a\x1b[2J\rb", reason="c\x07\n00:00:00 forged") == (
        "a\\x1b[2J\\x0db reason='c\\\\x07\\n00:00:00 forged'"
    )


def test_colours_are_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red without the look at NO_COLOR (https://no-color.org), or at the stream."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert (has_colours(_Terminal()), has_colours(io.StringIO()), has_colours(None)) == (True, False, False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours(_Terminal())
    assert "\033[32m201\033[0m" in terminal_line(_REQUEST, colours=True)
    assert "\033" not in terminal_line(_REQUEST, colours=False)


def test_the_form_is_that_of_the_setting_or_of_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOG_FORMAT", raising=False)
    assert (form_of(_Terminal()), form_of(io.StringIO())) == ("console", "json")
    monkeypatch.setenv("LOG_FORMAT", " JSON ")
    assert (form_of(_Terminal()), form_of(_Terminal(), "console")) == ("json", "console")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setenv("LOG_FORMAT", "")
    assert form_of(closed) == "json"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0.04, "0.0 ms"),
        (3.42, "3.4 ms"),
        (12.3, "12 ms"),
        (999, "999 ms"),
        (1234, "1.23 s"),
        (75_400, "75 s"),
    ],
)
def test_durations_are_short(milliseconds: float, text: str) -> None:
    assert short_duration(milliseconds) == text
