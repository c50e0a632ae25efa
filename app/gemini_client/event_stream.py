"""Normalize Gemini's responses for the SDK, which parses every line without "data: " as JSON.

Gateways in front of Gemini send keep-alive comments, other fields of server-sent events, and pages of HTML.
The reader here follows the standard (WHATWG, server-sent events), and keeps bare JSON lines, since Google
sends errors in the middle of a stream in this form.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

import httpx2

MAX_EVENT_BYTES: Final = 4 * 1024 * 1024
_MAX_ERROR_BYTES = 256 * 1024
_ERROR_SECONDS = 5.0
_BOM = b"\xef\xbb\xbf"
_END = b"[DONE]"
"""The end of a stream in the format of other vendors, which some gateways send."""
_FIELD: Final = re.compile(rb"[A-Za-z][\w-]*(?::|$)")


class NotGeminiError(Exception):
    """The response is not from Gemini but a page of HTML, as gateways and captive portals send it."""


class UnreadableStreamError(Exception):
    """The stream cannot be read: an event of it is larger than `MAX_EVENT_BYTES`."""


async def prepare(response: httpx2.Response) -> None:
    """Replace the body of a response by one that the SDK can read; a hook of the HTTP client.

    The body of an error is read here, up to 256 KiB, so that its status counts even if the body breaks off.

    Raises:
        NotGeminiError: the status is 200 and the body is HTML.
    """
    body = httpx2.Response(
        response.status_code, headers=response.headers, stream=response.stream, request=response.request
    )
    for name in ("content-encoding", "content-length"):  # they describe the body that `body` decodes
        response.headers.pop(name, None)
    if response.status_code != HTTPStatus.OK:
        response.stream = httpx2.ByteStream(await _error_content(body))
        return
    content_type = response.headers.get("content-type", "")
    if content_type.lower().startswith("text/html"):
        await body.aclose()
        raise NotGeminiError("200 text/html")
    response.stream = _EventStream(body)


async def _error_content(body: httpx2.Response) -> bytes:
    """Read the body of an error; return nothing unless it is JSON."""
    content = b""
    with contextlib.suppress(httpx2.HTTPError, TimeoutError):
        async with asyncio.timeout(_ERROR_SECONDS), contextlib.aclosing(body.aiter_bytes()) as chunks:
            async for chunk in chunks:
                content += chunk
                if len(content) > _MAX_ERROR_BYTES:
                    break
    await body.aclose()
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return b""
    return content


class _EventStream(httpx2.AsyncByteStream):
    """A body as events whose lines begin with "data: "."""

    def __init__(self, body: httpx2.Response) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        reader = EventReader()
        async with contextlib.aclosing(self._body.aiter_bytes()) as chunks:
            async for chunk in chunks:
                if events := reader.feed(chunk):
                    yield events
                if reader.has_ended:
                    return
        if events := reader.finish():
            yield events

    async def aclose(self) -> None:
        await self._body.aclose()


class EventReader:
    """Parser of server-sent events that accepts chunks cut anywhere."""

    def __init__(self) -> None:
        self.has_ended = False
        """Whether the stream has sent `[DONE]`."""
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._line_bytes = self._data_bytes = self._bare_bytes = 0
        self._is_first = True
        self._is_after_return = False

    def feed(self, chunk: bytes) -> bytes:
        """Return the events that this chunk completes, in the form that the SDK reads.

        Raises:
            UnreadableStreamError: an event is too large.
        """
        events: list[bytes] = []
        for line in self._lines(chunk):
            events += self._read_line(line)
        if max(self._line_bytes, self._data_bytes, self._bare_bytes) > MAX_EVENT_BYTES:
            raise UnreadableStreamError(f"an event of more than {MAX_EVENT_BYTES} bytes")
        return b"".join(events)

    def finish(self) -> bytes:
        """Return the last event at the end of the stream, even without an empty line after it."""
        line, self._line = b"".join(self._line), []
        return b"".join([*(self._read_line(line) if line else ()), *self._dispatch()])

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
            self._bare_bytes += len(line)
            return [*self._dispatch(), line + b"\n"]  # a line of a bare JSON error, or no event at all
        return []

    def _dispatch(self) -> list[bytes]:
        data, self._data, self._data_bytes = self._data, [], 0
        if self.has_ended or not any(data):
            return []
        if data == [_END]:
            self.has_ended = True
            return []
        return [*(b"data: " + line + b"\n" for line in data), b"\n"]
