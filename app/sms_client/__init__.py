"""Text messages behind a protocol."""

from app.config import OtpDelivery, Settings
from app.sms_client.base import OtpMessage, SmsClient, SmsNotSentError, SmsRefusedError
from app.sms_client.console import ConsoleSms
from app.sms_client.twilio import TwilioSms
from app.sms_client.webhook import WebhookSms

__all__ = ["OtpMessage", "SmsClient", "SmsNotSentError", "SmsRefusedError", "create_sms_client"]


def create_sms_client(settings: Settings) -> SmsClient:
    """Create the client that `OTP_DELIVERY` names; `response` also prints codes to the console."""
    if settings.code_delivery is OtpDelivery.TWILIO:
        return TwilioSms(settings)
    if settings.code_delivery is OtpDelivery.WEBHOOK:
        return WebhookSms(settings)
    return ConsoleSms()
