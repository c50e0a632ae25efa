"""Settings of the service: their forms, the checks at start, and the one reading of them."""

from app.config.loading import (
    START_FAILURE,
    SettingsInvalidError,
    get_flower_settings,
    get_settings,
    load_settings,
)
from app.config.log_options import log_options, refuse_to_start
from app.config.postgres_address import PostgresAddress
from app.config.redis_address import RedisAddress
from app.config.sections import DatabasePooler, Environment, LogFormat, LogSettings, OtpDelivery
from app.config.settings import Settings

__all__ = [
    "START_FAILURE",
    "DatabasePooler",
    "Environment",
    "LogFormat",
    "LogSettings",
    "OtpDelivery",
    "PostgresAddress",
    "RedisAddress",
    "Settings",
    "SettingsInvalidError",
    "get_flower_settings",
    "get_settings",
    "load_settings",
    "log_options",
    "refuse_to_start",
]
