"""Build the service of one-time codes."""

import structlog

from app.bootstrap.foundation import Foundation
from app.config import OtpDelivery, Settings
from app.kit.clock import utc_now
from app.redis_client.otp_store import OtpStore
from app.redis_client.windows import SlidingWindows
from app.security import derive_key
from app.services.identity.mobile_number import MobileNumbers
from app.services.identity.otp import OtpService
from app.services.identity.otp_budgets import OtpBudgets, OtpLimits
from app.services.identity.otp_sender import OtpSender
from app.services.identity.otp_test_numbers import OtpTestNumbers
from app.services.identity.otp_texts import OtpTexts

log = structlog.get_logger(__name__)


def mobile_numbers(settings: Settings) -> MobileNumbers:
    """Build the parser of mobile numbers; log the test numbers, without their codes."""
    tests = OtpTestNumbers(settings.test_numbers, utc_now)
    if in_force := tests.in_force():
        shown = {number.mobile_number: number.last_day.isoformat() for number in in_force}
        log.warning("otp_test_numbers", numbers=shown, consequence="their codes are fixed until that day")
    if expired := tests.expired():
        shown = {number.mobile_number: number.last_day.isoformat() for number in expired}
        log.warning("otp_test_numbers_expired", numbers=shown, consequence="they are ordinary numbers")
    return MobileNumbers(settings.default_region, settings.code_countries, tests)


def otp_service(
    settings: Settings, base: Foundation, sender: OtpSender, numbers: MobileNumbers, root: bytes
) -> OtpService:
    """Build the service of one-time codes; its keys are derived from the secret `root`."""
    if settings.code_delivery is OtpDelivery.WEBHOOK and not settings.sms_webhook_secret:
        log.warning("sms_webhook_unsigned", remedy="set SMS_WEBHOOK_SECRET, which production requires")
    limits = OtpLimits(
        per_hour=settings.otp_per_hour,
        per_day=settings.otp_per_day,
        per_ip_hour=settings.otp_per_ip_hour,
        per_prefix_hour=settings.otp_per_prefix_hour,
        global_per_hour=settings.otp_global_per_hour,
    )
    return OtpService(
        uow=base.uow,
        store=OtpStore(
            base.redis,
            ttl_seconds=settings.otp_ttl_seconds,
            resend_seconds=settings.otp_resend_seconds,
            key=derive_key(root, "otp tries"),
        ),
        budgets=OtpBudgets(limits, derive_key(root, "otp budgets")),
        windows=SlidingWindows(base.redis),
        sender=sender,
        texts=OtpTexts(settings.otp_templates, minutes=settings.otp_minutes),
        numbers=numbers,
        key=derive_key(root, "otp"),
        show_otp=settings.code_delivery is OtpDelivery.RESPONSE,
        clock=utc_now,
    )
