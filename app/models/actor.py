"""Operators: who acts through the command line or the admin API, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum, auto

from app.errors import ScopeRequired


class Scope(StrEnum):
    """Permission of an admin key; no scope includes another."""

    READ = auto()
    """Lists and states, without the text of messages."""
    SUPPORT = auto()
    """Bans, sessions, replies; the text of messages, with a reason."""
    BILLING = auto()
    """Granted Pro, own limits, Stripe's events, reconciliation."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The operator of a request or a command."""

    name: str
    """`cli:` and the name of the system's user, or `key:` and the name of the key."""
    scopes: frozenset[Scope]
    request_id: str | None = None

    @classmethod
    def of_command_line(cls, user_name: str) -> "Actor":
        """Return the operator of a command, which may do everything: its shell can read the database."""
        return cls(f"cli:{user_name}", frozenset(Scope))

    def require(self, scope: Scope) -> None:
        """Refuse an operator without this scope.

        Raises:
            ScopeRequired: the scope is missing.
        """
        if scope not in self.scopes:
            raise ScopeRequired(scope=scope.value)
