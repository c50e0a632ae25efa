"""The service's name, health and metrics."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from app import __version__
from app.dependencies import MetricsToken, Services
from app.errors import AuthenticationRequired, NotFound
from app.metrics import CONTENT_TYPE
from app.openapi import error_responses
from app.routing import Route
from app.schemas.examples.operations import METRICS
from app.schemas.meta import Health, HealthStatus, Liveness, ServiceInfo

router = APIRouter(tags=["meta"], route_class=Route)


@router.get("/", operation_id="get_service_info", summary="Get name and version")
async def get_service_info(request: Request) -> ServiceInfo:
    """Get the service's name and version, and the paths of its documentation and health."""
    return ServiceInfo(name=request.app.title, version=__version__, docs="/docs", health="/health")


@router.get(
    "/health",
    operation_id="get_health",
    summary="Check the service's health",
    responses={
        503: {
            "model": Health,
            "description": "The database is down, read-only or full, or its schema is too old.",
        }
    },
)
async def get_health(services: Services, response: Response) -> Health:
    """Check database, Redis and queue, for at most a second each.

    `unhealthy`: no usable database. `degraded`: no Redis, no worker, or a reply that has waited for more
    than a minute. Requests within the same second share one result. Query parameters are ignored.
    """
    health = await services.health.check()
    if health.status is HealthStatus.UNHEALTHY:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        response.headers["Retry-After"] = "2"
    return health


@router.get("/health/live", operation_id="get_liveness", summary="Check that the process runs")
async def get_liveness() -> Liveness:
    """Return 200 while the process runs. Query parameters are ignored."""
    return Liveness(status=HealthStatus.HEALTHY)


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Get Prometheus metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Counters and gauges, for Prometheus.",
            "content": {CONTENT_TYPE.partition(";")[0]: {"schema": {"type": "string"}, "example": METRICS}},
        },
        **error_responses(NotFound, AuthenticationRequired),
    },
)
async def get_metrics(services: Services, token: MetricsToken = None) -> Response:
    """Get the metrics with `METRICS_TOKEN`; 404 if it is not set. Query parameters are ignored."""
    return Response(await services.monitoring.metrics(token), media_type=CONTENT_TYPE)
