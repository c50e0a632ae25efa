"""uvicorn's HTTP protocol with limits on request heads, silent connections and stalled readers."""

import asyncio
import uuid
from typing import ClassVar, Final

import httptools
import structlog
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from app.errors import AppError, RequestHeadTooLarge, RequestMalformed, RequestTimeout
from app.http_server.flow import Flow, unsent_bytes
from app.http_server.limits import ConnectionLimits
from app.problem_response import problem_response

# Parsed in one call: small enough to hold few pipelined requests.
_CHUNK_BYTES: Final = 4096
_TICKS_TO_RECEIVE: Final = 5
# After a rejection, input is read and dropped for a moment: a TCP reset would overtake the response.
_LINGER_SECONDS: Final = 1.0
_MAX_DROPPED_BYTES: Final = 1024 * 1024

log = structlog.get_logger(__name__)


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. Time is counted in ticks, so that a paused process closes no connection.

    A request that exceeds a limit gets a problem+json response after those that are due; then the connection
    is closed. Upgrade requests are ignored, as RFC 9110 allows.
    """

    limits: ClassVar[ConnectionLimits] = ConnectionLimits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._unparsed = bytearray()
        self._rejection: AppError | None = None
        self._drops_input = False
        self._dropped_bytes = 0
        self._head_bytes = 0
        self._pending_bytes = 0
        """Bytes parsed without a callback: at most the part of one header that has arrived."""
        self._is_in_head = False
        self._tick_seconds = self.limits.receive_seconds / _TICKS_TO_RECEIVE
        self._stall_ticks = self.limits.stall_seconds / self._tick_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._silent_ticks = 0
        self._stalled_ticks = 0
        self._unsent_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.flow = self._flow = Flow(transport)
        self._timer = self.loop.call_later(self._tick_seconds, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._drops_input = True
        self._unparsed.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._drops_input:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > _MAX_DROPPED_BYTES:
                self.transport.close()
            return
        self._unparsed += data
        self._parse()

    def _parse(self) -> None:
        """Parse received bytes, except those behind a pipelined request that has not started."""
        while self._unparsed and not self.pipeline and not self._drops_input:
            chunk = bytes(self._unparsed[:_CHUNK_BYTES])
            del self._unparsed[:_CHUNK_BYTES]
            self._pending_bytes += len(chunk)
            try:
                self.parser.feed_data(chunk)
                self._require_small_head()
            except httptools.HttpParserUpgrade:
                self._drop_input()
            except httptools.HttpParserError:
                self._reject(RequestMalformed())
            except _HeadTooLargeError:
                self._reject(RequestHeadTooLarge())
        self._flow.hold(is_held=bool(self._unparsed))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self._head_bytes = self._pending_bytes = self._silent_ticks = 0

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value) + 4)
        if self._is_in_head:  # uvicorn would treat trailers as headers
            if len(self.headers) >= self.limits.headers:
                self._rejection = RequestHeadTooLarge()
                raise _HeadTooLargeError
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._pending_bytes = 0
        super().on_headers_complete()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._pending_bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._rejection is not None and not self._is_answering:
            self._send_rejection(self._rejection)
        elif self._unparsed:
            self.loop.call_soon(self._parse)

    def _should_upgrade_to_ws(self) -> bool:
        return False

    @property
    def _is_answering(self) -> bool:
        """Whether a response is due or being sent."""
        return not getattr(self.cycle, "response_complete", True)  # None before the first request

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        self._pending_bytes = 0
        self._require_small_head()

    def _require_small_head(self) -> None:
        if self._head_bytes + self._pending_bytes > self.limits.head_bytes:
            self._rejection = RequestHeadTooLarge()
            raise _HeadTooLargeError

    def _drop_input(self) -> None:
        self._drops_input = True
        self._unparsed.clear()

    def _reject(self, error: AppError) -> None:
        """Send this error after all earlier responses, and close the connection."""
        self._drop_input()
        self._rejection = self._rejection or error
        if not self._is_answering:
            self._send_rejection(self._rejection)

    def _send_rejection(self, error: AppError) -> None:
        if self.transport.is_closing():
            return
        request_id = uuid.uuid4().hex
        log.info("connection_rejected", code=error.code, request_id=request_id)
        further = {"Connection": "close", "X-Request-Id": request_id, "Cache-Control": "no-store"}
        response = problem_response(error, request_id, further)
        headers = [*self.server_state.default_headers, *response.raw_headers]
        lines = [STATUS_LINE[response.status_code], *(b"%b: %b\r\n" % header for header in headers), b"\r\n"]
        self.transport.write(b"".join([*lines, response.body]))
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(_LINGER_SECONDS, self.transport.close)
        else:
            self.transport.close()

    def _tick(self) -> None:
        self._timer = self.loop.call_later(self._tick_seconds, self._tick)
        self._watch_reader()
        is_waiting = not self._is_answering and self.timeout_keep_alive_task is None
        self._silent_ticks = self._silent_ticks + 1 if is_waiting else 0
        if self._silent_ticks >= _TICKS_TO_RECEIVE and not self._drops_input:
            if self._is_in_head:
                self._reject(RequestTimeout())
            else:
                self.transport.close()

    def _watch_reader(self) -> None:
        """Close the connection of a client that reads none of the bytes sent to it.

        While a response is being written, count only if writing is paused: a growing buffer may be read, too.
        """
        is_settled = self.flow.write_paused or not self._is_answering
        unsent = unsent_bytes(self.transport) if is_settled else 0
        is_stalled = 0 < self._unsent_bytes <= unsent
        self._unsent_bytes = unsent
        self._stalled_ticks = self._stalled_ticks + 1 if is_stalled else 0
        if self._stalled_ticks >= self._stall_ticks:
            log.info("stalled_reader_cut_off", unsent_bytes=unsent)
            self.transport.abort()


class _HeadTooLargeError(Exception):
    """Raised in the parser's callbacks; the parser turns it into an error of its own."""
