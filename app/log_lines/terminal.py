"""Render a short line for a terminal, in local time, with a traceback below it."""

import re
import time
from collections.abc import Mapping
from typing import Final

_LEVEL_COLOURS: Final = {"debug": "2", "warning": "33", "error": "31", "critical": "31;1"}
_STATUS_COLOURS: Final = {2: "32", 3: "36", 4: "33", 5: "31"}
_SHOWN_LEVELS: Final = frozenset(_LEVEL_COLOURS)
_HIDDEN: Final = frozenset(
    {"event", "level", "logger", "timestamp", "exception", "stack", "request_id"}
    | {"color_message", "method", "route", "status", "duration_ms"}
)
_ALSO_HIDDEN_WITH_REQUEST: Final = frozenset({"user_id", "chatroom_id"})
_REQUEST_FIELDS: Final = ("method", "route", "status", "duration_ms")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN: Final = re.compile(r"[^\s\"'=]+")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST_ID: Final = 8
_SHOWN_OF_ID: Final = 6
_MS_PER_SECOND: Final = 1000
_ONE_DIGIT_BELOW: Final = 10


def terminal_line(event: Mapping[str, object], *, colours: bool) -> str:
    """Render the fields of a line; `colours` adds those of a terminal.

    A request is `21:23:05 POST /chatroom/{chatroom_id}/message 201 1.23 s  req 1151d3…`, any other event its
    level unless that is info, its name and its fields. JSON has all fields and whole ids.
    """
    level = str(event.get("level", "info"))
    parts = [_painted(time.strftime("%H:%M:%S"), "2", colours=colours)]
    if level in _SHOWN_LEVELS:
        parts.append(_painted(level, _LEVEL_COLOURS[level], colours=colours))
    is_request = event.get("event") == "request" and all(name in event for name in _REQUEST_FIELDS)
    parts += _request(event, colours=colours) if is_request else [_text(event.get("event", ""))]
    request_id = event.get("request_id")
    for name, value in event.items():
        if value is None or (name in _HIDDEN and (is_request or name not in _REQUEST_FIELDS)):
            continue
        if request_id is None or name not in _ALSO_HIDDEN_WITH_REQUEST:
            parts.append(_field(name, value))
    if request_id is not None:
        parts.append(" " + _painted(f"req {_short(_text(request_id))}", "2", colours=colours))
    below = [_indented(_text(event[name])) for name in ("stack", "exception") if event.get(name)]
    return "\n".join([_indented(" ".join(parts)).lstrip(), *below])


def short_duration(milliseconds: float) -> str:
    """Return a duration in two or three digits, as `3.4 ms`, `120 ms`, `1.23 s` or `75 s`."""
    value, unit = (
        (milliseconds, "ms") if milliseconds < _MS_PER_SECOND else (milliseconds / _MS_PER_SECOND, "s")
    )
    if value >= _ONE_DIGIT_BELOW:
        return f"{value:.0f} {unit}"
    return f"{value:.1f} ms" if unit == "ms" else f"{value:.2f} s"


def _request(event: Mapping[str, object], *, colours: bool) -> list[str]:
    status, duration = event["status"], event["duration_ms"]
    colour = _STATUS_COLOURS.get(status // 100, "31") if isinstance(status, int) else "31"
    return [
        f"{_text(event['method'])} {_text(event['route'])}",
        _painted(str(status), colour, colours=colours),
        short_duration(duration) if isinstance(duration, int | float) else _text(duration),
    ]


def _field(name: str, value: object) -> str:
    if value is True:
        return name
    text = _text(value)
    if _UUID.fullmatch(text):
        text = f"…{text[-_SHOWN_OF_ID:]}"  # the first digits are a time
    return f"{name}={text if _PLAIN.fullmatch(text) else repr(text)}"


def _short(request_id: str) -> str:
    return request_id if len(request_id) <= _LONGEST_ID else f"{request_id[:_SHOWN_OF_ID]}…"


def _text(value: object) -> str:
    """Return a value without characters that a terminal would obey."""
    return _UNPRINTABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", str(value))


def _indented(text: str) -> str:
    """Indent every line but a first one that begins a record, so that the lines belong to it."""
    return "\n".join(f"  {line}" for line in text.rstrip("\n").split("\n"))


def _painted(text: str, colour: str, *, colours: bool) -> str:
    return f"\033[{colour}m{text}\033[0m" if colours else text
