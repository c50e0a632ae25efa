"""A Stripe server that replays a failure: requests with the first key always get the same 500."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class StripeReplayingFailures:
    """A server on its own port; `keys` lists the idempotency keys received, in order."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        keys = self.keys

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                key = self.headers["idempotency-key"]
                is_first = not keys or key == keys[0]
                keys.append(key)
                body = json.dumps(
                    {"error": {"type": "api_error", "message": "kept"}}
                    if is_first
                    else {"id": "cus_made", "object": "customer"}
                ).encode()
                self.send_response(500 if is_first else 200)
                if is_first and len(keys) > 1:
                    self.send_header("Idempotent-Replayed", "true")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
                """Write no log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
