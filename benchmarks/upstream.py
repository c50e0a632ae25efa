"""A light stand-in for Gemini: the same pieces at a fixed pace, in the wire format that the SDK reads.

`sandbox/` is for behaviour and costs CPU itself; this one answers every call alike, from bytes made before.
Arguments: port, milliseconds to the first piece, milliseconds between pieces, number of pieces.
"""

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import cast

import uvloop

_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_HEAD_END = b"\r\n\r\n"
MODEL = "gemini-3.8-flash"


@dataclass(frozen=True, slots=True)
class Pace:
    """How an answer is written."""

    first_ms: float = 50
    gap_ms: float = 10
    pieces: int = 20

    def arguments(self) -> tuple[str, ...]:
        """Return the arguments of this module for this pace, behind the port."""
        return str(self.first_ms), str(self.gap_ms), str(self.pieces)


def piece(position: int, pieces: int) -> bytes:
    """Build one event of `streamGenerateContent`; the last one has a finish reason."""
    candidate: dict[str, object] = {
        "content": {"parts": [{"text": f"word{position} of the answer, "}], "role": "model"},
        "index": 0,
    }
    if position == pieces - 1:
        candidate["finishReason"] = "STOP"
    return b"data: " + json.dumps(_answer(candidate, 5 * (position + 1))).encode() + b"\r\n\r\n"


def whole() -> bytes:
    """Build the body of `generateContent`, for titles and summaries."""
    content = {"parts": [{"text": "A title"}], "role": "model"}
    return json.dumps(_answer({"content": content, "index": 0, "finishReason": "STOP"}, 2)).encode()


def _answer(candidate: dict[str, object], tokens: int) -> dict[str, object]:
    counts = {"promptTokenCount": 12, "candidatesTokenCount": tokens, "totalTokenCount": 12 + tokens}
    return {"candidates": [candidate], "usageMetadata": counts, "modelVersion": MODEL, "responseId": "bench"}


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Upstream(asyncio.Protocol):
    """One connection: reads whole requests, one after the other, and answers each."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pace: Pace) -> None:
        self._loop = loop
        self._pace = pace
        self._chunks = [_chunk(piece(position, pace.pieces)) for position in range(pace.pieces)]
        self._chunks[0] = _STREAM_HEAD + self._chunks[0]
        self._chunks[-1] += b"0\r\n\r\n"
        body = whole()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._whole = head % len(body) + body
        self._received = b""
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete by now."""
        self._received += data
        while (head_end := self._received.find(_HEAD_END)) >= 0:
            head = self._received[:head_end].lower()
            _, _, length = head.partition(b"\r\ncontent-length:")
            end = head_end + len(_HEAD_END) + int(length.split(b"\r\n")[0] or 0)
            if len(self._received) < end:
                return
            self._received = self._received[end:]
            if b"streamgenerate" in head.split(b"\r\n")[0]:
                self._loop.call_later(self._pace.first_ms / 1000, self._write, 0)
            else:
                self._transport.write(self._whole)

    def _write(self, position: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(self._chunks[position])
        if position + 1 < len(self._chunks):
            self._loop.call_later(self._pace.gap_ms / 1000, self._write, position + 1)


async def _serve(port: int, pace: Pace) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(loop, pace), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    _port, _first, _gap, _pieces = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(_port), Pace(float(_first), float(_gap), int(_pieces))))
