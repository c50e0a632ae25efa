"""A local HTTP proxy that records its requests: CONNECT and absolute addresses."""

import contextlib
import socket
import threading
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

_PIECE: Final = 65536


class ForwardProxy:
    """Forwards requests to the address in `upstreams` for their host; `asked` lists hosts with ports."""

    def __init__(self, **upstreams: str) -> None:
        self._upstreams = {name: urlsplit(url).netloc for name, url in upstreams.items()}
        self.asked: list[str] = []
        self.credentials: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """Return the address as proxy variables contain it."""
        return f"http://{self.address}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            """Handles requests for the enclosing proxy."""

            protocol_version = "HTTP/1.1"

            def do_CONNECT(self) -> None:
                """Record the host, and respond like a proxy that cannot connect: there is no TLS here."""
                proxy._note(self.path, self.headers["Proxy-Authorization"])
                self.close_connection = True
                self.send_error(HTTPStatus.BAD_GATEWAY, "no way out")

            def do_GET(self) -> None:
                self._pass_on(b"")

            def do_POST(self) -> None:
                self._pass_on(self.rfile.read(int(self.headers["Content-Length"] or 0)))

            def _pass_on(self, body: bytes) -> None:
                parts = urlsplit(self.path)
                proxy._note(parts.netloc, self.headers["Proxy-Authorization"])
                target = parts._replace(scheme="", netloc="").geturl()
                kept = {name: value for name, value in self.headers.items() if "proxy" not in name.lower()}
                self.close_connection = True
                upstream = proxy._upstreams.get(parts.netloc.partition(".")[0])
                if upstream is None:
                    self.send_error(HTTPStatus.BAD_GATEWAY, "no way there")
                    return
                with contextlib.closing(HTTPConnection(upstream, timeout=60)) as connection:
                    connection.request(self.command, target, body or None, kept | {"Connection": "close"})
                    answer = connection.getresponse()
                    self.send_response(answer.status)
                    for name, value in answer.getheaders():
                        if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                            self.send_header(name, value)
                    self.send_header("Connection", "close")
                    self.end_headers()
                    with contextlib.suppress(ConnectionError, socket.timeout):
                        while piece := answer.read1(_PIECE):
                            self.wfile.write(piece)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
                """Write no log."""

        return Handler

    def _note(self, host: str, credentials: str | None) -> None:
        self.asked.append(host)
        self.credentials.append(credentials)
