"""The route of the OpenAPI document, which is built at the first request and kept as bytes."""

import asyncio

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response


def add_document_route(app: FastAPI) -> None:
    """Serve the document at `/openapi.json`.

    FastAPI's own route builds it on the event loop, where nothing else runs for 0.3 s.
    """
    building = asyncio.Lock()
    documents: dict[str, bytes] = {}  # by root path, of which a process has one

    async def get_document(request: Request) -> Response:
        root_path = request.scope.get("root_path", "").rstrip("/")
        async with building:
            if root_path not in documents:
                documents[root_path] = await asyncio.to_thread(_document_of, app, root_path)
        return Response(documents[root_path], media_type="application/json")

    app.add_route("/openapi.json", get_document, include_in_schema=False)


def _document_of(app: FastAPI, root_path: str) -> bytes:
    document = app.openapi()
    app.openapi_schema = None  # the bytes are enough, and a twentieth of its size
    servers = document.get("servers", [])
    if root_path and root_path not in {server.get("url") for server in servers}:
        document["servers"] = [{"url": root_path}, *servers]
    return bytes(JSONResponse(document).body)
