"""A person as they see themselves."""

from uuid import UUID

from app.models import Plan, User
from app.schemas.base import Moment, Response


class UserOut(Response):
    """One's own account."""

    id: UUID
    mobile_number: str
    full_name: str | None
    has_password: bool
    created_at: Moment
    last_login_at: Moment | None
    plan: Plan

    @classmethod
    def of(cls, user: User, plan: Plan) -> "UserOut":
        """The account with the plan it is on now."""
        return cls(
            id=user.id,
            mobile_number=user.mobile_number,
            full_name=user.full_name,
            has_password=user.password_hash is not None,
            created_at=user.created_at,
            last_login_at=user.last_login_at,
            plan=plan,
        )
