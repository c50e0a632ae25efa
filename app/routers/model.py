"""Models of chatrooms."""

from fastapi import APIRouter, Response

from app.dependencies import Services
from app.openapi import error_responses
from app.routers.conditional import NOT_MODIFIED, IfNoneMatch, conditional_json
from app.routing import Route
from app.schemas.model import ModelList

router = APIRouter(tags=["meta"], route_class=Route)


@router.get(
    "/models",
    operation_id="list_models",
    summary="List the models",
    response_model=ModelList,
    responses={**NOT_MODIFIED, **error_responses()},
)
async def list_models(services: Services, if_none_match: IfNoneMatch = None) -> Response:
    """List the models that a chatroom may name, the default first. No access token is needed."""
    models = ModelList.of(services.models.names, default=services.models.default)
    return conditional_json(models.model_dump_json(), if_none_match, {})
