"""Response headers in the OpenAPI document."""

from typing import Any, Final

from app.rate_limiter import is_exempt

HEADERS: Final = {
    "X-Request-Id": "The id of the request: the one it was sent with, if that is valid, or a new one.",
    "RateLimit-Policy": "The limits that apply, if any do (draft-ietf-httpapi-ratelimit-headers), each with "
    "its quota `q` in `w` seconds: `ip`, `basic` or `pro` (requests of a user on that plan), `daily` "
    "(messages on Basic).",
    "RateLimit": "The remaining quota `r` of each limit, and the seconds `t` until it grows.",
    "Retry-After": "Seconds to wait before a retry.",
    "WWW-Authenticate": "`Bearer`.",
    "Location": "The path of the new room or reply.",
    "Idempotent-Replayed": "`true` if this `Idempotency-Key` was used before; nothing is created or charged.",
    "Preference-Applied": "The part of `Prefer` that was applied; absent without `Prefer`.",
    "X-Cache": "`HIT` or `MISS`, on the cached page.",
    "ETag": "The version of this response; send it as `If-None-Match` to get 304 while it is unchanged.",
    "Vary": "`Authorization`.",
    "Content-Disposition": "`attachment`, with a file name.",
}
_FIRST_ERROR_STATUS: Final = 400
_ALWAYS: Final = ("X-Request-Id", "RateLimit-Policy", "RateLimit")
_HEADERS_OF_STATUS: Final = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}
_EXCHANGE_HEADERS: Final = {
    "200": ("Location", "Idempotent-Replayed"),
    "201": ("Location", "Idempotent-Replayed", "Preference-Applied"),
    "202": ("Location", "Idempotent-Replayed", "Preference-Applied"),
}
_LIST_HEADERS: Final = ("X-Cache", "ETag", "Vary")
_MODELS_HEADERS: Final = ("ETag", "Vary")
_HEADERS_OF_OPERATION: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "create_chatroom": {"201": ("Location", "Idempotent-Replayed")},
    "list_models": {"200": _MODELS_HEADERS, "304": _MODELS_HEADERS},
    "list_chatrooms": {"200": _LIST_HEADERS, "304": _LIST_HEADERS},
    "export_chatroom": {"200": ("Content-Disposition",)},
    "send_message": _EXCHANGE_HEADERS,
    "stream_message": _EXCHANGE_HEADERS,
    "regenerate_reply": _EXCHANGE_HEADERS,
    "stream_regeneration": _EXCHANGE_HEADERS,
    "get_message": {"200": ("Preference-Applied",)},
    "export_me": {"200": ("Content-Disposition",)},
}


def add_headers(path: str, operation: dict[str, Any]) -> None:
    """Document the headers that middleware adds, those of a status, and those of the route."""
    of_operation = _HEADERS_OF_OPERATION.get(operation["operationId"], {})
    for status, response in operation["responses"].items():
        # Error responses are shared by all routes.
        always = ("X-Request-Id",) if is_exempt(path) and int(status) < _FIRST_ERROR_STATUS else _ALWAYS
        names = (*of_operation.get(status, ()), *_HEADERS_OF_STATUS.get(status, ()), *always)
        headers = response.setdefault("headers", {})
        headers |= {name: {"$ref": f"#/components/headers/{name}"} for name in names}
