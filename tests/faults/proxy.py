"""TCP proxy that can stop forwarding without closing connections, as a half-open connection does."""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self


class Proxy:
    """Forwards 127.0.0.1:`port` to another local port, on an event loop in its own thread."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._gate = asyncio.Event()
        self._gate.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def silence(self) -> None:
        """Stop forwarding; accept new connections, and close none."""
        self._loop.call_soon_threadsafe(self._gate.clear)

    def speak(self) -> None:
        """Forward new connections; earlier ones stay open and silent for ever."""
        gate = asyncio.Event()
        gate.set()
        self._gate = gate

    @property
    def connections(self) -> int:
        """Return the number of open connections, counting both directions."""
        return len(self._writers)

    def cut(self) -> None:
        """Abort every open connection, also in the middle of a transfer."""
        asyncio.run_coroutine_threadsafe(self._drop_all(), self._loop).result(10)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _drop_all(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._drop_all()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError):
                onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._target_port)
                self._writers.add(onward)
                try:
                    await self._both_ways(reader, writer, onward_reader, onward)
                finally:
                    self._writers.discard(onward)
                    onward.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _both_ways(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        onward_reader: asyncio.StreamReader,
        onward: asyncio.StreamWriter,
    ) -> None:
        gate = self._gate
        ways = [
            asyncio.create_task(self._copy(reader, onward, gate)),
            asyncio.create_task(self._copy(onward_reader, writer, gate)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _copy(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(65536):
                await gate.wait()
                sink.write(piece)
                await sink.drain()
