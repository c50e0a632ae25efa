"""Choose the variables that a run fills in, and record them for ./dev env and ./dev psql."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devtools.state import ROOT, kept_secret, written_privately

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from devtools.plan import Plan

FILE = "environment.json"
OWN_ADDRESSES = ("127.0.0.1", "localhost", "::1")
NO_PROXY = ("no_proxy", "NO_PROXY")  # programs differ in the one they read


@dataclass(frozen=True, slots=True)
class Addresses:
    """Hold the addresses at which the servers of a run listen."""

    database_url: str
    redis_url: str
    sandbox: str
    api_port: int


def filled_in(plan: Plan, addresses: Addresses, home: Path) -> dict[str, str]:
    """Return the variables of a run's processes that neither the environment nor .env has to set."""
    api, sandbox = addresses.api_port, addresses.sandbox
    ours = {
        "DATABASE_URL": addresses.database_url,
        "REDIS_URL": addresses.redis_url,
        "JWT_SECRET_KEY": kept_secret(home / "jwt.secret"),
        "OTP_DELIVERY": "response",
        # A developer signs up often, from one address and with neighbouring numbers.
        "OTP_PER_IP_HOUR": "1000000",
        "OTP_PER_PREFIX_HOUR": "1000000",
        "PUBLIC_URL": f"http://localhost:{api}",
        "LOG_FORMAT": "console",
        "UVICORN_LOG_CONFIG": str(ROOT / "app" / "log_lines" / "uvicorn.json"),
    }
    if plan.plays_gemini:
        ours |= {"GEMINI_BASE_URL": sandbox, "GEMINI_API_KEY": "sandbox"}
    if plan.plays_stripe:
        ours |= {
            "STRIPE_API_BASE": sandbox,
            "STRIPE_SECRET_KEY": "sk_test_sandbox",
            "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
            "STRIPE_PRO_PRICE_ID": "price_sandbox_pro",
            "SANDBOX_STRIPE_WEBHOOK_URL": f"http://127.0.0.1:{api}/webhook/stripe",
            "SANDBOX_PUBLIC_URL": sandbox,
        }
    return ours


def without_proxy(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that exclude this machine's addresses from a proxy, and those excluded already."""
    named = [entry.strip() for name in NO_PROXY for entry in given.get(name, "").split(",") if entry.strip()]
    everything = "*" in named
    value = "*" if everything else ",".join(dict.fromkeys([*named, *OWN_ADDRESSES]))
    return dict.fromkeys(NO_PROXY, value)


def record(home: Path, ours: Mapping[str, str], used: Mapping[str, str]) -> None:
    """Write down what the run filled in and what its processes use, for this user to read."""
    written_privately(home / FILE, json.dumps({"filled_in": dict(ours), "used": dict(used)}))


def recorded(home: Path, kind: str) -> dict[str, str]:
    """Read what the last run filled in or used; nothing if there was none."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        found: dict[str, str] = json.loads((home / FILE).read_text())[kind]
        return found
    return {}
