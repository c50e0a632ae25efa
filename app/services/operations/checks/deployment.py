"""Check what only the settings together tell: the proxies in front of the API."""

from typing import Final

from app.config import Settings
from app.services.operations.checks.providers import is_production
from app.services.operations.checks.report import CheckResult

PROXIES: Final = "proxies"


def check_proxies(settings: Settings, *, as_production: bool) -> CheckResult:
    """Check that the proxies that end TLS are named: the API itself speaks plain HTTP."""
    networks = ", ".join(map(str, settings.trusted_proxies))
    is_behind_proxy = settings.public_url.startswith("https://")
    problems = []
    if is_production(settings, as_production=as_production) and is_behind_proxy and not networks:
        problems.append(
            "TRUSTED_PROXIES is empty, but PUBLIC_URL is https, so a proxy is in front of the API, and all"
            " users share its address and its limits: name the proxy's addresses or networks."
        )
    return CheckResult(
        PROXIES, {"trusted": networks or None, "public_url": settings.public_url}, tuple(problems)
    )
