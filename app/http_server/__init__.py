"""Limits on client connections, built into uvicorn's HTTP protocol."""

from app.http_server.installing import limit_connections
from app.http_server.limits import ConnectionLimits

__all__ = ["ConnectionLimits", "limit_connections"]
