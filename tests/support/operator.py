"""An operator: a key of the admin API, and the audit rows."""

import hashlib
import secrets

import httpx

from tests.support.database import Row
from tests.support.stack import Stack
from tests.support.user import client

ALL_SCOPES = ("read", "support", "billing")
REASON = "Ticket 4711"


class Operator:
    """A new key with these scopes, and a client that sends it."""

    def __init__(self, stack: Stack, *scopes: str, base_url: str | None = None) -> None:
        self.stack = stack
        self.name = f"test-{secrets.token_hex(6)}"
        self.key = f"adm_{secrets.token_urlsafe(32)}"
        stack.database.run(
            "INSERT INTO admin_keys (id, name, key_hash, scopes) VALUES (gen_random_uuid(), %s, %s, %s)",
            self.name,
            hashlib.sha256(self.key.encode()).digest(),
            list(scopes or ALL_SCOPES),
        )
        self.http = client(base_url or stack.base_url, {"Authorization": f"Bearer {self.key}"})

    def act(self, user_id: str, action: str, **body: object) -> httpx.Response:
        """POST an action on an account, with a reason unless the body has one."""
        return self.http.post(f"/admin/users/{user_id}/{action}", json={"reason": REASON, **body})

    def undo(self, user_id: str, action: str) -> httpx.Response:
        """DELETE an action on an account."""
        return self.http.delete(f"/admin/users/{user_id}/{action}")

    def revoke(self) -> None:
        """Revoke the key."""
        self.stack.database.run("UPDATE admin_keys SET revoked_at = now() WHERE name = %s", self.name)


def audit_rows(stack: Stack, user_id: str) -> list[Row]:
    """Return the audit rows that concern a user, oldest first."""
    return stack.database.rows("SELECT * FROM audit_log WHERE user_id = %s ORDER BY id", user_id)
