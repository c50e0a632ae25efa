"""Former names of settings, which still work until the next major version."""

import os
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app.config.dotenv_file import dotenv_variables

RENAMED: Final = {"REPLY_MAX_LOSSES": "REPLY_MAX_WORKER_LOSSES"}
"""The present name of each former one."""


def former_names() -> list[str]:
    """Return the former names that the environment or `.env` sets."""
    return list(_values())


def _values() -> dict[str, str]:
    """Read the values under former names; an empty variable counts as not set."""
    given = {**dotenv_variables(), **os.environ}
    by_name = {name.upper(): value for name, value in given.items() if value.strip()}
    return {name: by_name[name] for name in RENAMED if name in by_name}


class _FormerNames(PydanticBaseSettingsSource):
    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002  # pydantic's signature
        field_name: str,
    ) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        return {RENAMED[name].lower(): value for name, value in _values().items()}


class RenamableSettings(BaseSettings):
    """Settings that are also read under former names, if the present name is set nowhere."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add former names behind all other sources, which have priority in this order."""
        former = _FormerNames(settings_cls)
        return init_settings, env_settings, dotenv_settings, file_secret_settings, former
