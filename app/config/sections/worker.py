"""Settings of the worker processes."""

from typing import Annotated, ClassVar

from pydantic import Field

from app.config.forms import Count, PositiveCount, Seconds
from app.config.sections.base import Section


class WorkerSettings(Section):
    """Worker processes and their leases on replies."""

    section_title: ClassVar[str] = "Worker"

    worker_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Replies that one worker process generates at once; always one with `--pool=solo`."""
    reply_places_per_user: PositiveCount = 10
    """Replies of one user that one worker process generates at once while other users wait; at most half of
    `WORKER_CONCURRENCY`."""
    reply_lease_seconds: Annotated[Seconds, Field(ge=3)] = 30
    """Lifetime of a worker's lease on a reply, in seconds; other workers claim the reply if the lease is
    not renewed."""
    reply_poll_seconds: Annotated[Seconds, Field(ge=1)] = 3
    """Interval at which a worker polls the database for unclaimed replies, in seconds."""
    reply_max_retries: Count = 3
    """Retries of a reply after failures of Gemini."""
    reply_max_worker_losses: Count = 20
    """Times that a reply may lose its worker before it fails; the former name `REPLY_MAX_LOSSES` still
    works."""
    shutdown_grace_seconds: Seconds = 25
    """Time for which a worker that is shutting down continues its replies before it releases them, in
    seconds."""
