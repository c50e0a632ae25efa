"""The two ways an answer travels: streamed chunk by chunk, or whole."""

from typing import Protocol

from sandbox.connection import Connection
from sandbox.gemini.chunks import Encoder, Framing
from sandbox.gemini.plan import Finish
from sandbox.gemini.problems import GoogleError, Page

JSON = b"application/json; charset=UTF-8"
HTML = b"text/html"
COMMENT = b": keep-alive\r\n\r\n"


class Delivery(Protocol):
    """Where pieces go, and the ends an answer can have."""

    async def piece(self, text: str, *, answered: int, finish: Finish | None) -> None:
        """Deliver a piece; `answered` counts the answer's tokens so far."""

    async def end(self, chunk: bytes | None) -> None:
        """End in an orderly way, with a last chunk if there is one."""

    async def fail(self, error: GoogleError) -> None:
        """End with Google's envelope."""

    async def drop(self) -> None:
        """End by resetting the connection."""


class Streamed:
    """Every piece is a chunk; nothing is sent before the first."""

    def __init__(self, connection: Connection, encoder: Encoder, framing: Framing, *, comments: bool) -> None:
        self._connection, self._encoder, self._framing = connection, encoder, framing
        self._comment = COMMENT if comments and framing is Framing.SSE else b""
        self._started = False

    async def piece(self, text: str, *, answered: int, finish: Finish | None) -> None:
        await self._write(self._encoder.text(text, answered=answered, finish=finish))

    async def end(self, chunk: bytes | None) -> None:
        if chunk is not None:
            await self._write(chunk)
        await self._connection.write(self._framing.last, more=False)

    async def fail(self, error: GoogleError) -> None:
        """Refuse by status if nothing was sent; else write the envelope bare, not framed as an event."""
        if not self._started:
            await _refuse(self._connection, error)
            return
        separator = self._framing.between if self._framing is Framing.ARRAY else b""
        await self._connection.write(separator + error.body() + self._framing.last, more=False)

    async def drop(self) -> None:
        await self._connection.drop()

    async def _write(self, chunk: bytes) -> None:
        framing = self._framing
        before = framing.between if self._started else framing.first
        if not self._started:
            await self._connection.start(200, framing.content_type)
            self._started = True
        await self._connection.write(self._comment + before + chunk + framing.after)


class Whole:
    """Pieces are gathered and sent as one body; a last chunk takes their place."""

    def __init__(self, connection: Connection, encoder: Encoder) -> None:
        self._connection, self._encoder = connection, encoder
        self._text, self._answered = "", 0
        self._finish: Finish | None = None

    async def piece(self, text: str, *, answered: int, finish: Finish | None) -> None:
        self._text += text
        self._answered, self._finish = answered, finish

    async def end(self, chunk: bytes | None) -> None:
        body = self._body() if chunk is None else chunk
        await self._connection.start(200, JSON, len(body))
        await self._connection.write(body, more=False)

    async def fail(self, error: GoogleError) -> None:
        await _refuse(self._connection, error)

    async def drop(self) -> None:
        """Reset the connection in the middle of the body, or before any byte if there is no text."""
        if self._text:
            body = self._body()
            await self._connection.start(200, JSON, len(body))
            await self._connection.write(body[: len(body) // 2])
        await self._connection.drop()

    def _body(self) -> bytes:
        return self._encoder.text(self._text, answered=self._answered, finish=self._finish)


async def _refuse(connection: Connection, error: GoogleError) -> None:
    body = error.body()
    await connection.start(error.code, HTML if isinstance(error, Page) else JSON, len(body))
    await connection.write(body, more=False)
