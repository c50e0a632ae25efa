"""Keys of the admin API: created and revoked on the command line, and checked at each request."""

import hashlib
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from app.errors import AdminKeyNameTaken, AdminKeyNotFound, AdminKeyRequired, ValidationFailed
from app.models import Actor, AdminKey, Scope
from app.unit_of_work import UnitOfWork

_PREFIX: Final = "adm_"
_KEY_BYTES: Final = 32
_USE_RECORDED_EVERY_SECONDS: Final = 60.0
_MAX_KEY_CHARS: Final = 200
_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key; the text is shown once and stored nowhere."""

    row: AdminKey
    key: str


@dataclass(frozen=True, slots=True)
class AdminKeyService:
    """Creates, lists, revokes and authenticates keys."""

    uow: UnitOfWork

    async def create(self, actor: Actor, *, name: str, scopes: Collection[Scope]) -> CreatedKey:
        """Create a key with a name that no open key has.

        Raises:
            ValidationFailed: the name has another form, or there is no scope.
            AdminKeyNameTaken: an open key has this name.
        """
        if not _NAME.fullmatch(name):
            raise _refused("/name", "must be lower-case letters, digits, dots, dashes; at most 40")
        if not scopes:
            raise _refused("/scopes", "must name a scope")
        key = _PREFIX + secrets.token_urlsafe(_KEY_BYTES)
        async with self.uow.begin_audited(actor) as tx:
            if await tx.admin_keys.is_name_taken(name):
                raise AdminKeyNameTaken
            row = AdminKey(
                name=name, key_hash=_digest(key), scopes=[scope.value for scope in Scope if scope in scopes]
            )
            await tx.admin_keys.add(row)
            await tx.audit.record(
                "admin_key.created",
                subject_type="admin_key",
                subject_id=row.id,
                details={f"scope_{scope}": 1 for scope in row.scopes},
            )
        return CreatedKey(row, key)

    async def revoke(self, actor: Actor, *, name: str) -> AdminKey:
        """Revoke the open key of this name, at once for all processes.

        Raises:
            AdminKeyNotFound: no open key has this name.
        """
        async with self.uow.begin_audited(actor) as tx:
            row = await tx.admin_keys.revoke(name)
            if row is None:
                raise AdminKeyNotFound
            await tx.audit.record("admin_key.revoked", subject_type="admin_key", subject_id=row.id)
        return row

    async def listing(self) -> Sequence[AdminKey]:
        """Return all keys, open ones first."""
        async with self.uow.autocommit() as tx:
            return await tx.admin_keys.all()

    async def authenticate(self, key: str | None, *, request_id: str | None) -> Actor:
        """Return the operator of an open key. Every text costs the same digest and the same lookup.

        Raises:
            AdminKeyRequired: no open key.
        """
        async with self.uow.autocommit() as tx:
            row = await tx.admin_keys.find(_digest((key or "")[:_MAX_KEY_CHARS]))
            if row is None:
                raise AdminKeyRequired
            await tx.admin_keys.record_use(row.id, every_seconds=_USE_RECORDED_EVERY_SECONDS)
        scopes = frozenset(Scope(name) for name in row.scopes if name in frozenset(Scope))
        return Actor(f"key:{row.name}", scopes, request_id)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _refused(pointer: str, message: str) -> ValidationFailed:
    return ValidationFailed(
        members={"errors": [{"pointer": pointer, "code": "value_error", "message": message}]}
    )
