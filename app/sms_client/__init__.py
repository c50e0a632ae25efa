"""How a code reaches its person, behind a protocol of one method."""

from app.config import OtpDelivery, Settings
from app.sms_client.base import SmsClient, SmsNotSentError, SmsRefusedError
from app.sms_client.console import ConsoleSms
from app.sms_client.twilio import TwilioSms

__all__ = ["SmsClient", "SmsNotSentError", "SmsRefusedError", "create_sms_client"]


def create_sms_client(settings: Settings) -> SmsClient:
    """The sender that `OTP_DELIVERY` names; `response` shows the code in the answer and on the console."""
    if settings.code_delivery is OtpDelivery.TWILIO:
        return TwilioSms(settings)
    return ConsoleSms()
