"""Prepare what Gemini's address answers for the SDK's reader.

The SDK takes every line that does not begin with "data: " as JSON. Gateways in front of Gemini send comments
as signs of life, other fields of server-sent events, and pages of HTML. The reader here follows the standard
(WHATWG, server-sent events), and keeps the bare JSON that Google sends as an error in the middle of a stream.
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
"""Ends a stream in the form of other vendors, which some gateways keep."""
_FIELD: Final = re.compile(rb"[A-Za-z][\w-]*(?::|$)")


class NotGeminiError(Exception):
    """The answer is not Gemini's: a page of HTML, as gateways and captive portals send it."""


class UnreadableStreamError(Exception):
    """The stream cannot be read: an event of it is larger than `MAX_EVENT_BYTES`."""


async def prepare(response: httpx2.Response) -> None:
    """Give a response a body that the SDK can read; a hook of the HTTP client.

    An error's body is read here, up to 256 KiB, so that its status counts also if the body breaks off.

    Raises:
        NotGeminiError: the status is 200 and the body is a page.
    """
    body = httpx2.Response(
        response.status_code, headers=response.headers, stream=response.stream, request=response.request
    )
    for name in ("content-encoding", "content-length"):  # of the body that `body` decodes
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
    """Read an error's body; empty if it is no JSON."""
    content = b""
    with contextlib.suppress(httpx2.HTTPError, TimeoutError):
        async with asyncio.timeout(_ERROR_SECONDS), contextlib.aclosing(body.aiter_bytes()) as parts:
            async for part in parts:
                content += part
                if len(content) > _MAX_ERROR_BYTES:
                    break
    await body.aclose()
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return b""
    return content


class _EventStream(httpx2.AsyncByteStream):
    """The events of a body, each as lines that begin with "data: "."""

    def __init__(self, body: httpx2.Response) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        reader = EventReader()
        async with contextlib.aclosing(self._body.aiter_bytes()) as parts:
            async for part in parts:
                if events := reader.feed(part):
                    yield events
                if reader.has_ended:
                    return
        if events := reader.finish():
            yield events

    async def aclose(self) -> None:
        await self._body.aclose()


class EventReader:
    """Read server-sent events from bytes, however they are cut."""

    def __init__(self) -> None:
        self.has_ended = False
        """Whether the stream said that nothing follows."""
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._line_bytes = self._data_bytes = self._bare_bytes = 0
        self._is_first = True
        self._is_after_return = False

    def feed(self, part: bytes) -> bytes:
        """Return the events that are complete now, in the form that the SDK reads.

        Raises:
            UnreadableStreamError: an event is too large.
        """
        events: list[bytes] = []
        for line in self._lines(part):
            events += self._take(line)
        if max(self._line_bytes, self._data_bytes, self._bare_bytes) > MAX_EVENT_BYTES:
            raise UnreadableStreamError(f"an event of more than {MAX_EVENT_BYTES} bytes")
        return b"".join(events)

    def finish(self) -> bytes:
        """Return what is left at the end of the stream, also without an empty line behind it."""
        line, self._line = b"".join(self._line), []
        return b"".join([*(self._take(line) if line else ()), *self._dispatch()])

    def _lines(self, part: bytes) -> list[bytes]:
        """Return the lines that are complete with this part; CR, LF and CRLF end one."""
        if self._is_after_return and part:
            part = part.removeprefix(b"\n")
            self._is_after_return = False
        if not part:
            return []
        self._is_after_return = part.endswith(b"\r")
        lines = part.splitlines()
        rest = None if part.endswith((b"\r", b"\n")) else lines.pop()
        if lines:
            lines[0] = b"".join([*self._line, lines[0]])
            self._line, self._line_bytes = [], 0
        if rest is not None:
            self._line.append(rest)
            self._line_bytes += len(rest)
        return lines

    def _take(self, line: bytes) -> list[bytes]:
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
            return [*self._dispatch(), line + b"\n"]  # of an error in bare JSON, or of what is no event
        return []

    def _dispatch(self) -> list[bytes]:
        data, self._data, self._data_bytes = self._data, [], 0
        if self.has_ended or not any(data):
            return []
        if data == [_END]:
            self.has_ended = True
            return []
        return [*(b"data: " + line + b"\n" for line in data), b"\n"]
