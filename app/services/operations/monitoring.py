"""Metrics for Prometheus, behind a token."""

import hmac
from dataclasses import dataclass

from app import metrics
from app.errors import AuthenticationRequired, NotFound
from app.services.operations.stored_state import StoredState


@dataclass(frozen=True, slots=True)
class MonitoringService:
    """The metrics of this process; in the API with the state that all processes share."""

    process: metrics.Process
    token: str
    state: StoredState | None = None

    async def metrics(self, token: str | None) -> bytes:
        """Return all metrics in Prometheus's text format; without the database only those of this process.

        Raises:
            NotFound: `METRICS_TOKEN` is not set.
            AuthenticationRequired: the request has no token or a wrong one.
        """
        if not self.token:
            raise NotFound
        if token is None or not hmac.compare_digest(token.encode(), self.token.encode()):
            raise AuthenticationRequired
        stored = () if self.state is None else await self.state.read()
        return metrics.exposition(self.process, stored)
