"""Refused codes: logs, counts and names each refusal."""

from enum import StrEnum

import structlog

from app import metrics
from app.errors import AppError, CountryNotAllowed, OtpLimitReached, OtpResendTooSoon

log = structlog.get_logger(__name__)


class OtpRefusal(StrEnum):
    """The reason why no code was sent."""

    RESEND = "resend"
    NUMBER = "number"
    IP = "ip"
    PREFIX = "prefix"
    GLOBAL = "global"
    UNKNOWN = "unknown"
    COUNTRY = "country"


def refused(reason: OtpRefusal, *, wait_seconds: int = 0) -> AppError:
    """Log and count a refusal; return the error to raise. Call it once per refusal."""
    log.info("otp_refused", reason=reason.value)
    metrics.otp_refused(reason.value)
    if reason is OtpRefusal.COUNTRY:
        return CountryNotAllowed()
    if reason is OtpRefusal.RESEND:
        return OtpResendTooSoon(retry_after=wait_seconds)
    return OtpLimitReached(retry_after=wait_seconds)
