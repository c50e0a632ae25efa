"""Ask Gemini whether it has a model and accepts the key; costs no tokens."""

from dataclasses import dataclass
from enum import StrEnum, auto
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import httpx2

from app.config import Settings
from app.kit.outgoing import reason_of

_FOLDERS: Final = ("models/", "tunedModels/")
_KEY_REFUSED: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class ModelAccess(StrEnum):
    """The answer of Gemini about a model."""

    AVAILABLE = auto()
    UNKNOWN = auto()
    """Gemini has no such model."""
    KEY_REFUSED = auto()
    UNREACHABLE = auto()


@dataclass(frozen=True, slots=True)
class ModelLookup:
    """The answer about one model; `reason` says why, if it is not available."""

    model: str
    access: ModelAccess
    reason: str = ""


async def look_up_models(settings: Settings, *, seconds: float) -> list[ModelLookup]:
    """Ask about each selectable model, within `seconds` each."""
    base = f"{settings.gemini_base_url.rstrip('/')}/{settings.gemini_api_version}"
    key = settings.gemini_api_key.get_secret_value() or "unset"
    async with httpx2.AsyncClient(headers={"x-goog-api-key": key}, timeout=seconds) as http:
        return [await _look_up(http, base, model) for model in settings.selectable_models]


async def _look_up(http: httpx2.AsyncClient, base: str, model: str) -> ModelLookup:
    folder = "" if model.startswith(_FOLDERS) else "models/"
    try:
        response = await http.get(f"{base}/{folder}{quote(model)}")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return ModelLookup(model, ModelAccess.UNREACHABLE, reason_of(error))
    if response.is_success:
        return ModelLookup(model, ModelAccess.AVAILABLE)
    status = f"status {response.status_code}"
    if response.status_code in _KEY_REFUSED:
        return ModelLookup(model, ModelAccess.KEY_REFUSED, status)
    if response.status_code == HTTPStatus.NOT_FOUND:
        return ModelLookup(model, ModelAccess.UNKNOWN, status)
    return ModelLookup(model, ModelAccess.UNREACHABLE, status)
