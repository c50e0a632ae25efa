"""SQL about passwords: hashes are read, compared elsewhere, and replaced only if unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Text, exists, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.kit.client_address import networks_of
from app.models import Session, User

# Of the newest sign-ins; rows of ended sessions are kept for a month.
_MAX_ADDRESSES = 100
_ADDRESSES = func.array(
    select(Session.ip_address)
    .where(Session.user_id == User.id, Session.ip_address.is_not(None))
    .group_by(Session.ip_address)
    .order_by(func.max(Session.created_at).desc())
    .limit(_MAX_ADDRESSES)
    .correlate(User)
    .scalar_subquery(),
    type_=ARRAY(Text),
)


def _networks_of(addresses: Sequence[str]) -> frozenset[str]:
    return frozenset(networks_of(ip_address(address))[0] for address in addresses)


class Credentials(NamedTuple):
    """The data that a password sign-in is checked against; only verified accounts have it."""

    user_id: UUID
    password_hash: str | None
    networks: frozenset[str]
    """The networks that signed the number in before."""


class PasswordChangeContext(NamedTuple):
    """The user and the session of a password change, with the networks that signed the number in before."""

    networks: frozenset[str]
    mobile_number: str
    full_name: str | None
    password_hash: str | None
    auth_method: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class PasswordRepository:
    """Users' passwords, as hashes."""

    session: AsyncSession

    async def credentials(self, number_forms: Sequence[str]) -> Credentials | None:
        """Return those of the verified account; `number_forms` are the number's forms, the best first."""
        forms = literal(list(number_forms), ARRAY(Text))
        row = (
            await self.session.execute(
                select(_ADDRESSES, User.id, User.password_hash)
                .where(
                    User.mobile_number == func.any(forms),
                    User.verified_at.is_not(None),
                    User.deleted_at.is_(None),
                )
                .order_by(func.array_position(forms, User.mobile_number))
                .limit(1)
            )
        ).one_or_none()
        if row is None:
            return None
        addresses, user_id, password_hash = row
        return Credentials(user_id, password_hash, _networks_of(addresses))

    async def change_context(self, *, user_id: UUID, session_id: UUID) -> PasswordChangeContext | None:
        """Return user and session; None if either has ended."""
        row = (
            await self.session.execute(
                select(
                    _ADDRESSES,
                    User.mobile_number,
                    User.full_name,
                    User.password_hash,
                    Session.auth_method,
                    Session.created_at,
                )
                .join(Session, Session.user_id == User.id)
                .where(
                    User.id == user_id,
                    User.deleted_at.is_(None),
                    Session.id == session_id,
                    Session.ended_at.is_(None),
                )
            )
        ).one_or_none()
        if row is None:
            return None
        return PasswordChangeContext(_networks_of(row[0]), *row[1:])

    async def replace(self, user_id: UUID, *, session_id: UUID, old: str | None, new: str) -> bool:
        """Set a hash if `old` is unchanged and this session is open; return False otherwise."""
        open_session = exists().where(Session.id == session_id, Session.ended_at.is_(None))
        changed = await self.session.scalar(
            update(User)
            .where(
                User.id == user_id,
                User.password_hash.is_not_distinct_from(old),
                User.deleted_at.is_(None),
                open_session,
            )
            .values(password_hash=new)
            .returning(User.id),
            execution_options={"synchronize_session": False},
        )
        return changed is not None

    async def record_login(
        self, user_id: UUID, *, now: datetime, checked: str, renewed: str | None
    ) -> User | None:
        """Record a sign-in if the checked hash is unchanged; store the renewed hash, if any."""
        return await self.session.scalar(
            update(User)
            .where(User.id == user_id, User.password_hash == checked, User.deleted_at.is_(None))
            .values(last_login_at=now, password_hash=renewed or checked)
            .returning(User)
        )
