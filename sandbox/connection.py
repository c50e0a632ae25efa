"""The client's connection: sleep while it lasts, notice its end at once, drop it on purpose."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "sandbox.transport"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close() sends RST, not FIN


class ClientClosedError(Exception):
    """The client closed its connection before the answer was complete."""


class DroppableProtocol(HttpToolsProtocol):
    """uvicorn's protocol; it also lends its transport to the application, which ASGI does not."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # asyncio passes the narrower kind
        super().connection_made(transport)
        self.app = _lending(self.app, transport)


def _lending(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def lent(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {**scope.get("extensions", {}), EXTENSION: transport}
        await app(scope, receive, send)

    return lent


@dataclass(frozen=True, slots=True)
class Connection:
    """One request's connection, after its body was read."""

    scope: Scope
    receive: Receive
    send: Send

    async def start(self, status: int, content_type: bytes, length: int | None = None) -> None:
        """Send the status and the headers; without a length the body goes out chunked."""
        headers = [(b"content-type", content_type)]
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, body: bytes, *, more: bool = True) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def pause(self, seconds: float | None) -> None:
        """Sleep, for ever if None; raises ClientClosedError as soon as the client disconnects.

        Sleeping is listening: no second task watches the connection.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed()
            raise ClientClosedError

    async def pause_until(self, event: asyncio.Event) -> None:
        """Sleep until the event; raises ClientClosedError as soon as the client disconnects."""
        closed = asyncio.create_task(self._closed())
        happened = asyncio.create_task(event.wait())
        try:
            await asyncio.wait({closed, happened}, return_when=asyncio.FIRST_COMPLETED)
            if closed.done():
                raise ClientClosedError
        finally:
            closed.cancel()
            happened.cancel()

    async def drop(self) -> None:
        """Reset the connection once everything written has left, and wait until it is closed."""
        transport: asyncio.Transport = self.scope["extensions"][EXTENSION]
        while transport.get_write_buffer_size():
            await self.pause(0.005)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
        await self._closed()

    async def _closed(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
