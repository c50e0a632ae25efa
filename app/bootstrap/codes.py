"""Build the service of one-time codes."""

from app.bootstrap.foundation import Foundation
from app.config import OtpDelivery, Settings
from app.redis_client.otp_store import OtpStore
from app.redis_client.windows import SlidingWindows
from app.security import derive_key
from app.services.identity.mobile_number import MobileNumbers
from app.services.identity.otp import OtpService
from app.services.identity.otp_budgets import OtpBudgets, OtpLimits
from app.services.identity.otp_sender import OtpSender


def otp_service(
    settings: Settings, base: Foundation, sender: OtpSender, numbers: MobileNumbers, root: bytes
) -> OtpService:
    """Build the service of one-time codes; its keys are derived from the secret `root`."""
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
        numbers=numbers,
        key=derive_key(root, "otp"),
        show_otp=settings.code_delivery is OtpDelivery.RESPONSE,
    )
