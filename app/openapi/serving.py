"""The routes of the OpenAPI documents, each built at its first request and kept as bytes."""

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response


def add_document_route(app: FastAPI, path: str, generate: Callable[[], dict[str, Any]]) -> None:
    """Serve a document at `path`.

    FastAPI's own route builds it on the event loop, where nothing else runs for 0.3 s.
    """
    building = asyncio.Lock()
    documents: dict[str, bytes] = {}  # by root path, of which a process has one

    async def get_document(request: Request) -> Response:
        root_path = request.scope.get("root_path", "").rstrip("/")
        async with building:
            if root_path not in documents:
                documents[root_path] = await asyncio.to_thread(_document_of, generate, root_path)
        return Response(documents[root_path], media_type="application/json")

    app.add_route(path, get_document, include_in_schema=False)


def _document_of(generate: Callable[[], dict[str, Any]], root_path: str) -> bytes:
    document = generate()
    servers = document.get("servers", [])
    if root_path and root_path not in {server.get("url") for server in servers}:
        document["servers"] = [{"url": root_path}, *servers]
    return bytes(JSONResponse(document).body)
