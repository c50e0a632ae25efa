"""Serves a worker's metrics port on the loop of the worker."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from uvicorn import Config
from uvicorn.server import ServerState

from app.http_server.metrics_app import MetricsApp
from app.http_server.protocol import BoundedHttpProtocol

_RETRY_SECONDS: Final = 3.0
_MAX_CONNECTIONS: Final = 50
"""Connections beyond it get 503 at once: scrapers use one each, and each costs memory."""
_NO_IPV6: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

log = structlog.get_logger(__name__)


async def serve_metrics(port: int, metrics: Callable[[str | None], Awaitable[bytes]]) -> None:
    """Serve `metrics` until this task is cancelled; then close all connections at once.

    While the port is taken, as by a worker that drains, try again; the worker does its work meanwhile.
    """
    config = Config(
        MetricsApp(metrics),
        http=BoundedHttpProtocol,
        interface="asgi3",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        limit_concurrency=_MAX_CONNECTIONS,
    )
    config.load()
    loop, state = asyncio.get_running_loop(), ServerState()
    listener = await _bound(port)
    server = await loop.create_server(lambda: BoundedHttpProtocol(config, state, {}, loop), sock=listener)
    log.info("metrics_served", port=port)
    try:
        await loop.create_future()
    finally:
        server.close()
        for connection in tuple(state.connections):
            connection.transport.abort()
        for task in tuple(state.tasks):
            task.cancel()


async def _bound(port: int) -> socket.socket:
    """Return a listener on this port; log the first failure, and retry until there is one."""
    is_reported = False
    while True:
        try:
            return _listen(port)
        except OSError as error:
            if not is_reported:
                log.warning("metrics_port_unavailable", port=port, reason=error.strerror or str(error))
            is_reported = True
        await asyncio.sleep(_RETRY_SECONDS)


def _listen(port: int) -> socket.socket:
    """Listen on all addresses of both families, or of IPv4 on a machine without IPv6.

    Raises:
        OSError: the port is taken, or may not be used.
    """
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
    return socket.create_server(("", port))
