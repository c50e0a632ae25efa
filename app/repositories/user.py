"""SQL about users."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import User
from app.models.base import new_id

_IS_KNOWN = select(exists().where(User.mobile_number == bindparam("number", type_=Text)))


@dataclass(frozen=True, slots=True)
class UserRepository:
    """People, found by id or number."""

    session: AsyncSession

    async def get(self, user_id: UUID) -> User | None:
        """The user with this id, unless the account is deleted."""
        return await self.session.scalar(select(User).where(User.id == user_id, User.deleted_at.is_(None)))

    async def is_known(self, mobile_number: str) -> bool:
        """Whether somebody signed up with this number (E.164); costs the same either way."""
        return bool(await self.session.scalar(_IS_KNOWN, {"number": mobile_number}))

    async def add_unverified(
        self, *, mobile_number: str, full_name: str | None, now: datetime
    ) -> User | None:
        """Sign somebody up; of a number that nobody proved, the newest name wins. None: it is proved."""
        signup = insert(User).values(
            id=new_id(), mobile_number=mobile_number, full_name=full_name, created_at=now
        )
        return await self.session.scalar(
            signup.on_conflict_do_update(
                index_elements=[User.mobile_number],
                set_={"full_name": signup.excluded.full_name},
                where=User.verified_at.is_(None),
            ).returning(User),
            execution_options={"populate_existing": True},
        )

    async def rename(self, user_id: UUID, full_name: str | None) -> User | None:
        """Give the user another name, or none; None when the account is deleted."""
        return await self.session.scalar(
            update(User)
            .where(User.id == user_id, User.deleted_at.is_(None))
            .values(full_name=full_name)
            .returning(User)
        )

    async def record_login(self, mobile_number: str, now: datetime) -> User | None:
        """Note that the number was proved just now; None when nobody signed up with it."""
        return await self.session.scalar(
            update(User)
            .where(User.mobile_number == mobile_number)
            .values(last_login_at=now, verified_at=func.coalesce(User.verified_at, now))
            .returning(User)
        )
