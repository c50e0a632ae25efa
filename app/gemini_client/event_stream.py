"""Read server-sent events (WHATWG), as Gemini and gateways in front of it send them.

Gateways add keep-alive comments and other fields. Google sends an error in the middle of a stream as bare
JSON over several lines, without "data: ".
"""

import re
from typing import Final

MAX_EVENT_BYTES: Final = 4 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_END = b"[DONE]"
"""The end of a stream in the format of other vendors, which some gateways send."""
_FIELD: Final = re.compile(rb"[A-Za-z][\w-]*(?::|$)")


class UnreadableStreamError(Exception):
    """The stream cannot be read: an event of it is larger than `MAX_EVENT_BYTES`."""


class EventReader:
    """Parser of server-sent events that accepts chunks cut anywhere."""

    def __init__(self) -> None:
        self.has_ended = False
        """Whether the stream has sent `[DONE]`."""
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._bare: list[bytes] = []
        self._bare_depth = 0
        self._line_bytes = self._data_bytes = self._bare_bytes = 0
        self._is_first = True
        self._is_after_return = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the JSON of the events that this chunk completes.

        Raises:
            UnreadableStreamError: an event is too large.
        """
        events: list[bytes] = []
        for line in self._lines(chunk):
            events += self._read_line(line)
        if max(self._line_bytes, self._data_bytes, self._bare_bytes) > MAX_EVENT_BYTES:
            raise UnreadableStreamError(f"an event of more than {MAX_EVENT_BYTES} bytes")
        return events

    def finish(self) -> list[bytes]:
        """Return the last event at the end of the stream, even without an empty line after it."""
        line, self._line = b"".join(self._line), []
        return [*(self._read_line(line) if line else ()), *self._dispatch(), *self._dispatch_bare()]

    def _lines(self, chunk: bytes) -> list[bytes]:
        """Return the lines that this chunk completes; CR, LF and CRLF end a line."""
        if self._is_after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._is_after_return = False
        if not chunk:
            return []
        self._is_after_return = chunk.endswith(b"\r")
        lines = chunk.splitlines()
        rest = None if chunk.endswith((b"\r", b"\n")) else lines.pop()
        if lines:
            lines[0] = b"".join([*self._line, lines[0]])
            self._line, self._line_bytes = [], 0
        if rest is not None:
            self._line.append(rest)
            self._line_bytes += len(rest)
        return lines

    def _read_line(self, line: bytes) -> list[bytes]:
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            self._data_bytes += len(line)
        elif not line.startswith(b":") and not _FIELD.match(line):
            return [*self._dispatch(), *self._read_bare_line(line)]
        return []

    def _read_bare_line(self, line: bytes) -> list[bytes]:
        """Read a line of a bare JSON error, or of no event; the error ends where its braces balance."""
        self._bare.append(line)
        self._bare_bytes += len(line)
        self._bare_depth += line.count(b"{") - line.count(b"}")
        return self._dispatch_bare() if self._bare_depth <= 0 else []

    def _dispatch(self) -> list[bytes]:
        data, self._data, self._data_bytes = self._data, [], 0
        if self.has_ended or not any(data):
            return []
        if data == [_END]:
            self.has_ended = True
            return []
        return [b"\n".join(data)]

    def _dispatch_bare(self) -> list[bytes]:
        bare, self._bare, self._bare_bytes, self._bare_depth = self._bare, [], 0, 0
        return [b"\n".join(bare)] if bare and not self.has_ended else []
