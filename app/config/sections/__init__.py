"""The settings by section: one file each, in the order of the reference."""

from typing import Final

from app.config.sections.base import Section
from app.config.sections.gemini import GeminiSettings
from app.config.sections.limits import LimitSettings
from app.config.sections.logs import LogFormat, LogSettings
from app.config.sections.messages import MessageSettings
from app.config.sections.runtime import DatabasePooler, Environment, RuntimeSettings
from app.config.sections.sign_in import OtpDelivery, SignInSettings
from app.config.sections.stripe import StripeSettings
from app.config.sections.worker import WorkerSettings

SECTIONS: Final[tuple[type[Section], ...]] = (
    RuntimeSettings,
    SignInSettings,
    GeminiSettings,
    StripeSettings,
    MessageSettings,
    LimitSettings,
    WorkerSettings,
    LogSettings,
)

__all__ = [
    "SECTIONS",
    "DatabasePooler",
    "Environment",
    "GeminiSettings",
    "LimitSettings",
    "LogFormat",
    "LogSettings",
    "MessageSettings",
    "OtpDelivery",
    "RuntimeSettings",
    "Section",
    "SignInSettings",
    "StripeSettings",
    "WorkerSettings",
]
