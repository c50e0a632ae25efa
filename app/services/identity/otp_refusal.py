"""Codes that were not sent: the one place where that is logged, counted and put into words."""

import structlog

from app import metrics
from app.errors import AppError, CountryNotAllowed, OtpLimitReached, OtpResendTooSoon
from app.redis_client.otp_budgets import OtpRefusal

log = structlog.get_logger(__name__)


def refused(reason: OtpRefusal, *, wait_seconds: int = 0) -> AppError:
    """The failure to raise. Every refusal comes through here once."""
    log.info("otp_refused", reason=reason.value)
    metrics.otp_refused(reason.value)
    if reason is OtpRefusal.COUNTRY:
        return CountryNotAllowed()
    if reason is OtpRefusal.RESEND:
        return OtpResendTooSoon(retry_after=wait_seconds)
    return OtpLimitReached(retry_after=wait_seconds)
