"""Text messages behind a protocol."""

from app.config import OtpDelivery, Settings
from app.sms_client.base import SmsClient, SmsNotSentError, SmsRefusedError
from app.sms_client.console import ConsoleSms
from app.sms_client.twilio import TwilioSms

__all__ = ["SmsClient", "SmsNotSentError", "SmsRefusedError", "create_sms_client"]


def create_sms_client(settings: Settings) -> SmsClient:
    """Create the client that `OTP_DELIVERY` names; `response` also prints codes to the console."""
    if settings.code_delivery is OtpDelivery.TWILIO:
        return TwilioSms(settings)
    return ConsoleSms()
