"""Pages for browsers that return from Stripe, when the app has no page of its own."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.openapi import error_responses
from app.routing import Route

router = APIRouter(
    prefix="/checkout", tags=["subscription"], default_response_class=HTMLResponse, route_class=Route
)

_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:28rem;margin:20vh auto 0;padding:0 1.5rem;"
    "text-align:center;color:#1c2430;background:#fff}"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{text}</p>
</main>
</body>
</html>
"""
# The URL contains the checkout session's id, so keep it from other sites and caches.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A short page without scripts.",
        "content": {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>…"}},
    },
    **error_responses(),
}


@router.get(
    "/success",
    operation_id="show_checkout_success",
    summary="Show the page after a payment",
    responses=_DOCUMENTED,
)
async def show_checkout_success() -> HTMLResponse:
    """Show that the payment succeeded. Query parameters are ignored."""
    return _page("Thank you", "Your payment is done. You can close this page and go back to the app.")


@router.get(
    "/cancelled",
    operation_id="show_checkout_cancelled",
    summary="Show the page after a cancelled checkout",
    responses=_DOCUMENTED,
)
async def show_checkout_cancelled() -> HTMLResponse:
    """Show that nothing was charged. Query parameters are ignored."""
    return _page("Nothing was charged", "You can close this page and go back to the app.")


def _page(title: str, text: str) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=title, text=text, style=_STYLE), headers=_HEADERS)
