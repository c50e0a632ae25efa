"""Licence, contact, servers and tags in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from app.config import Settings

Json = dict[str, Any]

_LICENCE: Final = {"name": "MIT", "identifier": "MIT"}
TAGS: Final = {
    "authentication": "Sign up with a mobile number, sign in with a one-time code or a password.",
    "sessions": "Refresh tokens, list signed-in devices, sign out.",
    "user": "The account: profile, usage, export, deletion.",
    "chatrooms": "Create, list, search, change, export and delete chatrooms.",
    "messages": "Send messages, with the reply as JSON or as events, and read the history.",
    "replies": "Stream, cancel and regenerate replies.",
    "subscription": "Buy Pro with Stripe, get the plan, cancel and resume it, list invoices.",
    "meta": "State of the service, for clients, monitors and Prometheus.",
}
"""The tags in the order of the documentation."""

ADMIN_TAGS: Final = {
    "users": "Find accounts; grant Pro, set limits, ban, end sessions.",
    "messages": "Read the text of a message, with a reason.",
    "replies": "List replies, retry and cancel them.",
    "billing": "List Stripe's events, process one again, compare all subscriptions.",
    "audit": "List the acts of operators.",
}
"""The tags of the admin API."""


def add_about(document: Json, settings: Settings, tags: Mapping[str, str]) -> None:
    """Add licence, contact, servers and tags."""
    document["info"]["license"] = _LICENCE
    document["info"]["contact"] = {"name": document["info"]["title"], "url": settings.public_url}
    document["servers"] = [_server(settings.public_url)]
    schemes = document["components"]["securitySchemes"]
    schemes |= {name: schemes.pop(name) for name in sorted(schemes)}  # HTTPBearer first
    document["tags"] = [{"name": name, "description": text} for name, text in tags.items()]


def _server(public_url: str) -> Json:
    """Return `PUBLIC_URL`, or the server of the document if that is `localhost`, the default."""
    if urlsplit(public_url).hostname == "localhost":
        return {"url": "/", "description": "The address that served this document"}
    return {"url": public_url.rstrip("/"), "description": "`PUBLIC_URL`"}
