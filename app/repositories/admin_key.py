"""SQL about keys of the admin API."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, func, or_, select, update

from app.database import PooledConnection
from app.models import AdminKey
from app.repositories.intervals import seconds


@dataclass(frozen=True, slots=True)
class AdminKeyRepository:
    """Keys of the admin API, found by their digests."""

    connection: PooledConnection

    async def find(self, key_hash: bytes) -> AdminKey | None:
        """Return the open key with this digest."""
        return await self.connection.session.scalar(
            select(AdminKey).where(AdminKey.key_hash == key_hash, AdminKey.revoked_at.is_(None))
        )

    async def record_use(self, key_id: UUID, *, every_seconds: float) -> None:
        """Record a use, unless one was recorded within `every_seconds`."""
        is_due = or_(
            AdminKey.last_used_at.is_(None), AdminKey.last_used_at < func.now() - seconds(every_seconds)
        )
        due = select(AdminKey.id).where(AdminKey.id == key_id, is_due).with_for_update(skip_locked=True)
        await self.connection.session.execute(
            update(AdminKey).where(AdminKey.id == due.scalar_subquery()).values(last_used_at=func.now()),
            execution_options={"synchronize_session": False},
        )

    async def is_name_taken(self, name: str) -> bool:
        """Return whether an open key has this name."""
        return bool(
            await self.connection.session.scalar(
                select(exists().where(AdminKey.name == name, AdminKey.revoked_at.is_(None)))
            )
        )

    async def add(self, row: AdminKey) -> None:
        """Add a key."""
        self.connection.session.add(row)
        await self.connection.session.flush()

    async def revoke(self, name: str) -> AdminKey | None:
        """Revoke the open key of this name; None if there is none."""
        return await self.connection.session.scalar(
            update(AdminKey)
            .where(AdminKey.name == name, AdminKey.revoked_at.is_(None))
            .values(revoked_at=func.now())
            .returning(AdminKey)
        )

    async def all(self) -> Sequence[AdminKey]:
        """Return all keys, open ones first, then the newest."""
        rows = await self.connection.session.scalars(
            select(AdminKey).order_by(AdminKey.revoked_at.desc().nulls_first(), AdminKey.created_at.desc())
        )
        return rows.all()
