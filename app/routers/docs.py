"""The documentation page; every file of it comes from this service, none from another site."""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from app.routing import Route

router = APIRouter(prefix="/docs", include_in_schema=False, route_class=Route)

# Only the Swagger UI files of this package are used.
_FILES: Final = files("fastapi_offline") / "static"
_HEADERS: Final = {"Cache-Control": "public, max-age=86400"}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AI chat backend</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# Requests go to the origin of the page, which may differ from `PUBLIC_URL`.
_START: Final = """fetch("openapi.json").then((answer) => answer.json()).then((spec) => {
  spec.servers = [{url: new URL(".", location.href).href.replace(/\\/$/, "")}];
  SwaggerUIBundle({
    spec,
    dom_id: "#swagger-ui",
    deepLinking: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
  });
});
"""


@router.get("")
async def show_docs() -> HTMLResponse:
    """Return the page."""
    return HTMLResponse(_PAGE)


@router.get("/start.js")
async def get_start() -> Response:
    """Return the script that starts Swagger UI; the page's policy allows no inline scripts."""
    return Response(_START, media_type="text/javascript", headers=_HEADERS)


@router.get("/swagger-ui-bundle.js")
async def get_swagger_script() -> FileResponse:
    """Return the script of Swagger UI."""
    return FileResponse(str(_FILES / "swagger-ui-bundle.js"), media_type="text/javascript", headers=_HEADERS)


@router.get("/swagger-ui.css")
async def get_swagger_style() -> FileResponse:
    """Return the style sheet of Swagger UI."""
    return FileResponse(str(_FILES / "swagger-ui.css"), media_type="text/css", headers=_HEADERS)
