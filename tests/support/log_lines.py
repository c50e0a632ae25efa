"""Lines of a process's log, each of which has to be a JSON object."""

import json

from tests.support.process import Process
from tests.support.user import Json
from tests.support.waiting import eventually


def lines_of(process: Process) -> list[Json]:
    """Return all lines of both streams; each has to be a JSON object with the fields of every line."""
    lines: list[Json] = []
    for text in process.log.splitlines():
        if text.startswith("SMS to "):
            continue  # OTP_DELIVERY=response, which production refuses, writes codes beside the log
        try:
            line = json.loads(text)
        except ValueError:
            raise AssertionError(f"{process.name} printed {text!r}") from None
        assert {"event", "level", "timestamp", "logger"} <= line.keys(), line
        assert "\033" not in line["event"]
        lines.append(line)
    assert lines, f"{process.name} said nothing"
    return lines


def find_lines(process: Process, event: str, **fields: object) -> list[Json]:
    """Return the lines of an event with these fields."""
    return [
        line
        for line in lines_of(process)
        if line["event"] == event and all(line.get(name) == value for name, value in fields.items())
    ]


def await_line(process: Process, event: str, **fields: object) -> Json:
    """Wait for the one line of an event with these fields."""
    [line] = eventually(lambda: find_lines(process, event, **fields), what=f"{event} with {fields}")
    return line
