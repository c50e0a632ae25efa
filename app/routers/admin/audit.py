"""The audit log, for operators."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.dependencies import Cursor, Limit, Reader, Services
from app.errors import CursorInvalid, ValidationFailed
from app.kit.paging import DEFAULT_PAGE
from app.openapi import admin_responses
from app.routing import Route
from app.schemas.admin import AuditPage

router = APIRouter(prefix="/admin/audit", tags=["audit"], route_class=Route)

OfUser = Annotated[
    UUID | None, Query(description="List only what concerns this account, which may be deleted.")
]


@router.get(
    "",
    operation_id="list_audit",
    summary="List the acts of operators",
    responses=admin_responses(ValidationFailed, CursorInvalid),
)
async def list_audit(
    _actor: Reader,
    services: Services,
    user_id: OfUser = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: Cursor = None,
) -> AuditPage:
    """List the acts of operators, newest first."""
    return await services.admin.audit.listing(user_id=user_id, cursor=cursor, limit=limit)
