"""Responses whose JSON is written by the use case: their schema is the route's `response_model`."""

from fastapi import Response


def json_response(body: bytes | str) -> Response:
    """Return this JSON."""
    return Response(body, media_type="application/json")
