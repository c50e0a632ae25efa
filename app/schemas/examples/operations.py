"""Health, metrics and models."""

from typing import Final

from pydantic import BaseModel

from app import __version__
from app.schemas import meta, model

_UP = meta.Check(status=meta.CheckStatus.UP, latency_ms=0.8)
_QUEUE = meta.QueueCheck(status=meta.CheckStatus.UP, latency_ms=1.9, workers=2, oldest_pending_seconds=0.0)
HEALTH: Final = meta.Health(
    status=meta.HealthStatus.HEALTHY,
    version=__version__,
    checks=meta.Checks(database=_UP, redis=_UP, queue=_QUEUE),
)
UNHEALTHY: Final = meta.Health(
    status=meta.HealthStatus.UNHEALTHY,
    version=__version__,
    checks=meta.Checks(
        database=meta.Check(status=meta.CheckStatus.DOWN, latency_ms=1000.3),
        redis=_UP,
        queue=meta.QueueCheck(
            status=meta.CheckStatus.DOWN, latency_ms=1000.3, workers=0, oldest_pending_seconds=0.0
        ),
    ),
)
METRICS: Final = """# HELP chat_messages_accepted_total Messages and regenerations that were accepted.
# TYPE chat_messages_accepted_total counter
chat_messages_accepted_total 42.0
# HELP chat_workers_alive Workers with a heartbeat.
# TYPE chat_workers_alive gauge
chat_workers_alive 2.0
"""

DEFAULT_MODEL: Final = "gemini-3.8-flash"

OPERATIONS: Final[tuple[BaseModel, ...]] = (
    meta.ServiceInfo(name="AI chat backend", version=__version__, docs="/docs", health="/health"),
    HEALTH,
    meta.Liveness(status=meta.HealthStatus.HEALTHY),
    model.ModelList.of([DEFAULT_MODEL, "gemini-2.5-pro"], default=DEFAULT_MODEL),
)
