"""A local server of a provider, with responses that a test chooses."""

import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

HANG: Final = 0
"""Instead of a status: accept the request, and respond only after `release`."""


class ScriptedServer:
    """Runs during a block; `success` is the status of requests without another one."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], *, success: int) -> None:
        self._success = self._always = success
        self._next: deque[int] = deque()
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def address(self) -> str:
        """Return the address of the server."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def behave(self, *statuses: int, always: int | None = None) -> None:
        """Set the responses to the next requests; later ones get `always`, by default success."""
        self._next = deque(statuses)
        self._always = self._success if always is None else always
        self._released = threading.Event()

    def release(self) -> None:
        """Respond to waiting requests with success."""
        self._released.set()

    def _next_status(self) -> int:
        """Return the status of a request; after `release`, if it is to hang."""
        status, released = self._next.popleft() if self._next else self._always, self._released
        if status == HANG:
            released.wait(60)
            return self._success
        return status
