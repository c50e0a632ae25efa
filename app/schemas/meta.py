"""Responses about the service and its health."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel

from app.schemas.base import open_enum


class ServiceInfo(BaseModel):
    """The service's name and version, and the paths of its documentation and health."""

    name: str
    version: str
    docs: str
    health: str


class CheckStatus(StrEnum):
    """The state of a server or of the queue.

    The database may also be `migrations_missing` (its schema is older than this version), `read_only` or
    `full` (no disk space).
    """

    UP = "up"
    DOWN = "down"
    MIGRATIONS_MISSING = "migrations_missing"
    READ_ONLY = "read_only"
    FULL = "full"


class HealthStatus(StrEnum):
    """The state of the service; a degraded one still serves requests."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Check(BaseModel):
    """The state of a server, and the latency of its check in milliseconds."""

    status: Annotated[CheckStatus, open_enum("CheckStatus")]
    latency_ms: float


class QueueCheck(Check):
    """The queue: workers with a recent heartbeat, and the age of the oldest pending reply."""

    workers: int
    oldest_pending_seconds: float


class Checks(BaseModel):
    """The checks of database, Redis and queue."""

    database: Check
    redis: Check
    queue: QueueCheck


class Health(BaseModel):
    """The response of `/health`."""

    status: Annotated[HealthStatus, open_enum("HealthStatus")]
    version: str
    checks: Checks


class Liveness(BaseModel):
    """The response of `/health/live`."""

    status: Annotated[HealthStatus, open_enum("HealthStatus")]
