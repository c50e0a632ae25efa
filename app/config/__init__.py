"""Settings of the service: their forms, the checks at start, and the one reading of them."""

from app.config.loading import (
    START_FAILURE,
    SettingsInvalidError,
    get_flower_settings,
    get_settings,
    load_settings,
)
from app.config.postgres_address import PostgresAddress
from app.config.redis_address import RedisAddress
from app.config.sections import DatabasePooler, Environment, LogFormat, OtpDelivery
from app.config.settings import Settings

__all__ = [
    "START_FAILURE",
    "DatabasePooler",
    "Environment",
    "LogFormat",
    "OtpDelivery",
    "PostgresAddress",
    "RedisAddress",
    "Settings",
    "SettingsInvalidError",
    "get_flower_settings",
    "get_settings",
    "load_settings",
]
