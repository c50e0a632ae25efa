"""What the OpenAPI document says about the service as a whole: licence, contact, servers, tags."""

from typing import Any, Final
from urllib.parse import urlsplit

from app.config import Settings

Json = dict[str, Any]

_LICENCE: Final = {"name": "MIT", "identifier": "MIT"}
_TAGS: Final = {
    "authentication": "Sign up with a mobile number, sign in with a one-time code or a password.",
    "sessions": "Refresh tokens, list the signed-in devices, sign out.",
    "user": "The account: profile, usage, export, deletion.",
    "chatrooms": "Create, list, search, change, export and delete chatrooms.",
    "messages": "Send messages, with the reply as JSON or as events, and read the history.",
    "replies": "Follow a reply while it is written, cancel it, regenerate it.",
    "subscription": "Buy Pro with Stripe, see the plan, cancel and resume it, list invoices.",
    "meta": "State of the service, for clients, monitors and Prometheus.",
}
"""In the order of the documentation."""


def add_about(document: Json, settings: Settings) -> None:
    """Add what FastAPI does not know."""
    document["info"]["license"] = _LICENCE
    document["info"]["contact"] = {"name": document["info"]["title"], "url": settings.public_url}
    document["servers"] = [_server(settings.public_url)]
    schemes = document["components"]["securitySchemes"]
    schemes |= {name: schemes.pop(name) for name in sorted(schemes)}  # HTTPBearer first
    document["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]


def _server(public_url: str) -> Json:
    """`PUBLIC_URL`; the address of the document itself while that is the default, `localhost`."""
    if urlsplit(public_url).hostname == "localhost":
        return {"url": "/", "description": "The address that served this document"}
    return {"url": public_url.rstrip("/"), "description": "`PUBLIC_URL`"}
