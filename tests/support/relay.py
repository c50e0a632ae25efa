"""A local TCP relay that adds latency, and drops flows without closing them, as a NAT does."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Self, TypeVar

_CALL_SECONDS = 10.0
_PIECE_BYTES = 65_536
_QUIET_TURNS = 5

_T = TypeVar("_T")


class Relay:
    """Forwards 127.0.0.1:`port` to the local `target_port`, on an event loop in its own thread.

    Data takes `delay` seconds each way. A new connection also takes one delay each way before its first byte
    is forwarded, as a handshake over that distance does.
    """

    def __init__(self, target_port: int, *, delay: float = 0.0) -> None:
        self.port = 0
        self.delay = delay
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._flows: set[_Flow] = set()
        self._server: asyncio.Server | None = None
        self._accepted = 0
        self._forgets_new_flows = False

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_SECONDS)
        self._loop.close()

    @property
    def accepted(self) -> int:
        """Return the number of connections accepted so far."""
        return self._accepted

    @property
    def alive(self) -> int:
        """Return the number of open connections that are not dropped."""
        return sum(not flow.is_dropped for flow in tuple(self._flows))

    def forget(self) -> int:
        """Stop forwarding on all open connections without closing them; return their number."""
        return self._call(self._forget())

    def swallow(self) -> None:
        """Accept later connections without forwarding; existing ones continue."""
        self._forgets_new_flows = True

    def serve(self) -> None:
        """Forward later connections again; dropped ones stay dropped."""
        self._forgets_new_flows = False

    def _call(self, work: Coroutine[object, object, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_SECONDS)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _forget(self) -> int:
        alive = [flow for flow in self._flows if not flow.is_dropped]
        for flow in alive:
            flow.is_dropped = True
        return len(alive)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        # Connections in the backlog are still accepted, and ending tasks start others.
        quiet_turns = 0
        while quiet_turns < _QUIET_TURNS:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            quiet_turns = 0 if others else quiet_turns + 1
            for task in others:
                task.cancel()
            await (asyncio.wait(others) if others else asyncio.sleep(0.01))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        flow = _Flow(asyncio.current_task(), is_dropped=self._forgets_new_flows)
        self._flows.add(flow)
        try:
            # asyncio prints a traceback for a cancelled connection task.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await asyncio.sleep(2 * self.delay)
                onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
                try:
                    await self._both_ways(flow, (reader, writer), (onward_reader, onward_writer))
                finally:
                    onward_writer.transport.abort()
        finally:
            self._flows.discard(flow)
            writer.transport.abort()

    async def _both_ways(self, flow: "_Flow", near: "_End", far: "_End") -> None:
        ways = [
            asyncio.create_task(self._copy(flow, near[0], far[1])),
            asyncio.create_task(self._copy(flow, far[0], near[1])),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _copy(self, flow: "_Flow", source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Forward one way; chunks in transit overlap, as on a long line."""
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.create_task(self._deliver(flow, due, sink))
        try:
            with contextlib.suppress(OSError):
                while piece := await source.read(_PIECE_BYTES):
                    due.put_nowait((self._loop.time() + self.delay, piece))
                due.put_nowait((self._loop.time() + self.delay, b""))
                await delivering
                if flow.is_dropped:  # the other side does not learn of the end either
                    await asyncio.Event().wait()
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)

    async def _deliver(
        self, flow: "_Flow", due: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter
    ) -> None:
        while True:
            moment, piece = await due.get()
            await asyncio.sleep(moment - self._loop.time())
            if flow.is_dropped:
                continue
            if not piece:
                return
            sink.write(piece)
            await sink.drain()


class _Flow:
    """One connection through the relay."""

    def __init__(self, task: asyncio.Task[None] | None, *, is_dropped: bool) -> None:
        self.task = task  # the loop's reference is weak: the task could be garbage-collected
        self.is_dropped = is_dropped


_End = tuple[asyncio.StreamReader, asyncio.StreamWriter]
