"""The service itself: front page, health, metrics, documentation."""

from typing import Final

from devtools.postman.model import NOTHING, SOME_TEXT, Assertion, Folder, Request, above, matches

_NUMBER: Final = Assertion('to.be.a("number")')

FOLDER: Final = Folder(
    "Service",
    "The state of the service. None of these needs a user.",
    (
        Request(
            name="Front page",
            operation="get_service_info",
            status=200,
            checks={
                "where to go from here": {"docs": "/docs", "health": "/health", "version": SOME_TEXT},
                "the limit of the address, and what is left of it": {
                    "RateLimit-Policy": matches(r'^"ip";q=\d+;w=60$'),
                    "RateLimit": matches(r'^"ip";r=\d+;t=\d+$'),
                },
                "headers protect browsers": {
                    "X-Content-Type-Options": "nosniff",
                    "Cache-Control": "no-store",
                },
            },
        ),
        Request(
            name="A request id is returned",
            operation="get_service_info",
            status=200,
            text="`X-Request-Id` names the request in the answer, in errors and in the service's log. An "
            "id of your "
            "own is taken if it has 1 to 128 letters, digits or `.:/+=@-_`.",
            headers={"X-Request-Id": "postman-{{$guid}}"},
            checks={"the id that was sent comes back": {"X-Request-Id": matches("^postman-[0-9a-f-]{36}$")}},
        ),
        Request(
            name="Health",
            operation="get_health",
            status=200,
            text="`healthy` means that the database and Redis answer and that a worker is alive.",
            checks={
                "every part is up": {
                    "status": "healthy",
                    "version": SOME_TEXT,
                    "checks.database.status": "up",
                    "checks.database.latency_ms": _NUMBER,
                    "checks.redis.status": "up",
                    "checks.redis.latency_ms": _NUMBER,
                    "checks.queue.status": "up",
                    "checks.queue.latency_ms": _NUMBER,
                    "checks.queue.workers": above(0),
                    "checks.queue.oldest_pending_seconds": _NUMBER,
                }
            },
        ),
        Request(
            name="Liveness",
            operation="get_liveness",
            status=200,
            checks={"the process answers": {"": {"status": "healthy"}}},
        ),
        Request(
            name="Metrics",
            operation="get_metrics",
            status=200,
            statuses='pm.variables.get("metrics_token") ? [200] : [401, 404]',
            text="Counters and gauges in Prometheus's text format, for the bearer of METRICS_TOKEN. Put "
            "that token into "
            "the variable `metrics_token`. Without it, the answer is 401, or 404 on a server that has no "
            "METRICS_TOKEN.",
            bearer="{{metrics_token}}",
            checks={"no limit applies": {"RateLimit": NOTHING}},
        ),
        Request(
            name="Models",
            operation="list_models",
            status=200,
            checks={"the default comes first": {"models[0].default": True, "models[0].id": SOME_TEXT}},
        ),
        Request(
            name="Documentation",
            operation="GET /docs",
            status=200,
            text="The reference of every operation, to read and to try.",
            checks={"a page": {"Content-Type": matches("^text/html")}},
        ),
        Request(
            name="OpenAPI document",
            operation="GET /openapi.json",
            status=200,
            text="The same for programs, such as generators of clients.",
            checks={"the document": {"openapi": matches("^3[.]"), "paths": Assertion('to.be.an("object")')}},
        ),
    ),
)
