"""The HTTP server's side of connections: uvicorn's protocol with limits."""

from app.http_server.installing import limit_connections
from app.http_server.limits import ConnectionLimits

__all__ = ["ConnectionLimits", "limit_connections"]
