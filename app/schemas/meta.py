"""What the service says of itself."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel

from app.schemas.base import open_enum


class ServiceInfo(BaseModel):
    """The service's name and version, and where to find more."""

    name: str
    version: str
    docs: str
    health: str


class CheckStatus(StrEnum):
    """Whether a part works.

    Of the database also why not: `migrations_missing` (its tables are older than this version), `read_only`,
    or `full` (no disk space).
    """

    UP = "up"
    DOWN = "down"
    MIGRATIONS_MISSING = "migrations_missing"
    READ_ONLY = "read_only"
    FULL = "full"


class HealthStatus(StrEnum):
    """The state of the service: degraded still answers, unhealthy does not."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Check(BaseModel):
    """One part and how long it took to answer, in milliseconds."""

    status: Annotated[CheckStatus, open_enum("CheckStatus")]
    latency_ms: float


class QueueCheck(Check):
    """Workers with a recent heartbeat, and how long the oldest reply has waited for one."""

    workers: int
    oldest_pending_seconds: float


class Checks(BaseModel):
    """Every part."""

    database: Check
    redis: Check
    queue: QueueCheck


class Health(BaseModel):
    """The answer of `/health`."""

    status: Annotated[HealthStatus, open_enum("HealthStatus")]
    version: str
    checks: Checks


class Liveness(BaseModel):
    """The answer of `/health/live`."""

    status: Annotated[HealthStatus, open_enum("HealthStatus")]
