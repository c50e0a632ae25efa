"""Response headers in the OpenAPI document."""

from typing import Any, Final

from app.rate_limiter import is_exempt

HEADERS: Final = {
    "X-Request-Id": "The request's id: the caller's own, if it was safe to use, or a new one.",
    "RateLimit-Policy": "The limits that apply, if any do (draft-ietf-httpapi-ratelimit-headers), each with "
    "its quota `q` in `w` seconds: `ip`, `basic` or `pro` (requests of a user on that plan), `daily` "
    "(messages on Basic).",
    "RateLimit": "What is left of each: `r` more, and `t` seconds until it is more than that again.",
    "Retry-After": "Seconds to wait; that is long enough.",
    "WWW-Authenticate": "`Bearer`.",
    "Location": "The address of what was made: the room, or the reply.",
    "Idempotent-Replayed": "`true` when this `Idempotency-Key` was answered before; nothing new was made "
    "or charged.",
    "Preference-Applied": "What was done of `Prefer`; absent when nothing was asked for.",
    "X-Cache": "`HIT` or `MISS`, on the page that is cached.",
    "ETag": "Names what this answer says; send it as `If-None-Match` to learn whether that is still so.",
    "Vary": "`Authorization`.",
    "Content-Disposition": "`attachment`, with the name of the file.",
}
_FIRST_FAILURE: Final = 400
_ALWAYS: Final = ("X-Request-Id", "RateLimit-Policy", "RateLimit")
_OF_STATUS: Final = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}
_EXCHANGE_HEADERS: Final = {
    "200": ("Location", "Idempotent-Replayed"),
    "201": ("Location", "Idempotent-Replayed", "Preference-Applied"),
    "202": ("Location", "Idempotent-Replayed", "Preference-Applied"),
}
_LIST_HEADERS: Final = ("X-Cache", "ETag", "Vary")
_MODELS_HEADERS: Final = ("ETag", "Vary")
_OF_OPERATION: Final[dict[str, dict[str, tuple[str, ...]]]] = {
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
    """What middleware adds to whatever the route answers, what goes with a status, and the route's own."""
    of_operation = _OF_OPERATION.get(operation["operationId"], {})
    for status, response in operation["responses"].items():
        # The answers of failures are shared by all routes.
        always = ("X-Request-Id",) if is_exempt(path) and int(status) < _FIRST_FAILURE else _ALWAYS
        names = (*of_operation.get(status, ()), *_OF_STATUS.get(status, ()), *always)
        headers = response.setdefault("headers", {})
        headers |= {name: {"$ref": f"#/components/headers/{name}"} for name in names}
