"""What a run starts and what it fills in: whatever is set already wins."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dotenv import dotenv_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Plan:
    """The variables that are set, in the environment or else in .env; empty means not set."""

    given: Mapping[str, str]

    @classmethod
    def read(cls, root: Path, filled_in_before: Mapping[str, str] | None = None) -> Plan:
        """The plan of this process's environment and the project's .env.

        A variable as the last run filled it in came from ./dev env, and is for this run to fill in again.
        """
        ours = filled_in_before or {}
        from_environment = {
            name: value for name, value in os.environ.items() if value and ours.get(name) != value
        }
        return cls(from_env_file(root) | from_environment)

    def environment(self, ours: Mapping[str, str]) -> dict[str, str]:
        """What every process gets to see."""
        return {**ours, **self.given}

    def refuse_production(self) -> None:
        if self.given.get("ENVIRONMENT", "").lower() == "production":
            raise SystemExit(
                "./dev run is for development and does not start with ENVIRONMENT=production;"
                " production runs the image (see docker-compose.yml)"
            )

    @property
    def starts_postgres(self) -> bool:
        return "DATABASE_URL" not in self.given

    @property
    def starts_valkey(self) -> bool:
        return "REDIS_URL" not in self.given

    @property
    def plays_gemini(self) -> bool:
        return not {"GEMINI_API_KEY", "GEMINI_BASE_URL"} & self.given.keys()

    @property
    def plays_stripe(self) -> bool:
        return not {"STRIPE_SECRET_KEY", "STRIPE_API_BASE"} & self.given.keys()

    @property
    def starts_sandbox(self) -> bool:
        return self.plays_gemini or self.plays_stripe

    @property
    def port(self) -> int:
        return self._number("PORT", 8000, highest=HIGHEST_PORT)

    @property
    def grace_seconds(self) -> int:
        """How long a worker may take to finish its replies."""
        return self._number("SHUTDOWN_GRACE_SECONDS", 25)

    def _number(self, name: str, default: int, *, highest: int | None = None) -> int:
        text = self.given.get(name, str(default))
        if not text.isascii() or not text.isdigit() or (highest and not 0 < int(text) <= highest):
            raise SystemExit(
                f"{name} must be a whole number{f' from 1 to {highest}' if highest else ''}, not {text!r}"
            )
        return int(text)


def from_env_file(root: Path) -> dict[str, str]:
    """Read the variables that the project's .env sets."""
    return {name: value for name, value in dotenv_values(root / ".env").items() if value}
