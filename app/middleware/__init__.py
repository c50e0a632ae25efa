"""ASGI middleware, outermost first: context, streams, headers, CORS, failures, limits, body, HEAD."""

from app.middleware.body import BodyMiddleware
from app.middleware.context import RequestContextMiddleware
from app.middleware.cors import CorsMiddleware
from app.middleware.failures import FailureMiddleware
from app.middleware.head import HeadMiddleware
from app.middleware.headers import ResponseHeadersMiddleware
from app.middleware.limits import RateLimitMiddleware
from app.middleware.streams import StreamMiddleware

__all__ = [
    "BodyMiddleware",
    "CorsMiddleware",
    "FailureMiddleware",
    "HeadMiddleware",
    "RateLimitMiddleware",
    "RequestContextMiddleware",
    "ResponseHeadersMiddleware",
    "StreamMiddleware",
]
