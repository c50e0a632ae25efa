"""Installs the protocol with limits in the uvicorn that runs this application."""

import structlog
from starlette.types import Receive
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http_server.limits import ConnectionLimits
from app.http_server.protocol import BoundedHttpProtocol

log = structlog.get_logger(__name__)


def limit_connections(lifespan_receive: Receive, limits: ConnectionLimits) -> None:
    """Make uvicorn apply these limits to new connections; log a warning if that is not possible.

    uvicorn accepts a protocol only as a command-line option, and commands without it must be safe, too.
    `lifespan_receive` is a method of an object that holds the server's configuration, which names the
    protocol of every later connection. This works in each process of `--workers` and patches no library.
    """
    config = getattr(getattr(lifespan_receive, "__self__", None), "config", None)
    if not isinstance(config, Config) or not issubclass(config.http_protocol_class, HttpToolsProtocol):
        log.warning("connections_not_limited", remedy="serve with uvicorn and httptools, or behind a proxy")
        return

    class Protocol(BoundedHttpProtocol):
        """The protocol with the limits of this application."""

    Protocol.limits = limits
    config.http_protocol_class = Protocol
