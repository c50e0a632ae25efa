"""Settings of the service: their form, what production refuses, and reading them once."""

from app.config.loading import SettingsInvalidError, get_settings, load_settings
from app.config.settings import Environment, LogFormat, OtpDelivery, Settings

__all__ = [
    "Environment",
    "LogFormat",
    "OtpDelivery",
    "Settings",
    "SettingsInvalidError",
    "get_settings",
    "load_settings",
]
