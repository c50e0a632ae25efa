"""Has the server that runs this application use the protocol with limits."""

import structlog
from starlette.types import Receive
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http_server.limits import ConnectionLimits
from app.http_server.protocol import BoundedHttpProtocol

log = structlog.get_logger(__name__)


def limit_connections(lifespan_receive: Receive, limits: ConnectionLimits) -> None:
    """Have uvicorn open connections with these limits; warn when that is not possible.

    uvicorn takes its protocol as an option only, and commands without that option must be safe, too.
    `receive` of the lifespan is a method of an object with the server's configuration, which names the
    protocol of every connection that is still to come. It works in each process of `--workers`, and leaves
    the library as it is.
    """
    config = getattr(getattr(lifespan_receive, "__self__", None), "config", None)
    if not isinstance(config, Config) or not issubclass(config.http_protocol_class, HttpToolsProtocol):
        log.warning("connections_not_limited", remedy="serve with uvicorn and httptools, or behind a proxy")
        return

    class Protocol(BoundedHttpProtocol):
        """The protocol with the limits of this application."""

    Protocol.limits = limits
    config.http_protocol_class = Protocol
