"""Settings of tokens and one-time codes."""

from enum import StrEnum
from typing import Annotated, ClassVar

import phonenumbers
from pydantic import Field, SecretStr, field_validator

from app.config.forms import (
    AnyCase,
    Count,
    Countries,
    OtpTestNumberList,
    OtpText,
    SecretWebAddress,
    WebAddress,
    WebhookSecrets,
)
from app.config.otp_texts import DEFAULT_OTP_TEXT
from app.config.sections.base import Section


class OtpDelivery(StrEnum):
    """The channel that delivers one-time codes."""

    RESPONSE = "response"
    CONSOLE = "console"
    TWILIO = "twilio"
    WEBHOOK = "webhook"


class SignInSettings(Section):
    """Tokens, one-time codes, and text messages."""

    section_title: ClassVar[str] = "Sign-in"

    jwt_secret_key: SecretStr = SecretStr("")
    """Key that signs access tokens, at least 32 bytes, as `openssl rand -hex 32` prints it; outside
    production it is derived from `DATABASE_URL` if empty."""
    access_token_hours: Annotated[float, Field(gt=0, le=24 * 365, allow_inf_nan=False)] = 24
    """Lifetime of an access token, in hours."""
    refresh_token_days: Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)] = 30
    """Lifetime of a refresh token, in days."""
    otp_delivery: Annotated[OtpDelivery, AnyCase] | None = None
    """Where codes are sent: `response` (in the response), `console` (stderr of the API), `twilio`, or
    `webhook` (a server of yours sends them); production accepts `twilio` and `webhook`."""
    otp_text: OtpText = DEFAULT_OTP_TEXT
    """Text of the messages, with `{code}` and, if you like, `{minutes}`; `\\n` is a line break. A JSON object
    holds texts by locale, the default first: `{"en": "Code: {code}", "de": "Dein Code: {code}"}`. In `.env`,
    write it in single quotes."""
    otp_test_numbers: OtpTestNumberList = SecretStr("")
    """At most ten comma-separated numbers with a fixed code and its last day (UTC), for the reviewers of app
    stores: `+15005550006=<six digits>:2027-06-30`. Nothing is sent to them."""
    otp_ttl_seconds: Count = 300
    """Lifetime of a code, in seconds."""
    otp_resend_seconds: Count = 30
    """Minimum time between two codes for one number, in seconds."""
    otp_per_hour: Count = 5
    """Codes for one number in an hour; if other networks have used them up, networks that signed the number
    in before get half as many again."""
    otp_per_day: Count = 10
    """Codes for one number in 24 hours; if other networks have used them up, networks that signed the
    number in before get half as many again."""
    otp_per_ip_hour: Count = 20
    """Codes and sign-ups from one IPv4 address or IPv6 /64 in an hour; a /56 gets twice, a /48 five times
    as many."""
    otp_per_prefix_hour: Count = 50
    """Codes and sign-ups for one block of 10,000 consecutive numbers in an hour."""
    otp_global_per_hour: Count = 10_000
    """Codes of the whole service in an hour; as many again for numbers without an account, and for networks
    that signed a number in before."""
    otp_allowed_countries: Countries = ()
    """Comma-separated ISO codes of the countries whose ordinary numbers get codes; `*` for every number.
    Required in production; every number if empty elsewhere."""
    default_region: str | None = None
    """ISO code of the country of numbers without a country code, as in `US`; such numbers are rejected if
    empty."""
    twilio_account_sid: str = ""
    """Account SID; required for `OTP_DELIVERY=twilio`."""
    twilio_auth_token: SecretStr = SecretStr("")
    """Auth token; required for `OTP_DELIVERY=twilio`."""
    twilio_from: str = ""
    """Sender of the text messages, required for `OTP_DELIVERY=twilio`: a number (`+14155550100`), a
    Messaging Service (`MG` and 32 hexadecimal digits), a short code, or a name of at most 11 characters."""
    twilio_api_base: WebAddress = "https://api.twilio.com"
    """Address of Twilio's API."""
    sms_webhook_url: SecretWebAddress = SecretStr("")
    """Address that receives the messages, required for `OTP_DELIVERY=webhook`; it may have a path and a
    query, and no user or password."""
    sms_webhook_secret: WebhookSecrets = ()
    """Key that signs requests to `SMS_WEBHOOK_URL`: `whsec_` and base64 of 24 to 64 bytes; several,
    comma-separated, during a rotation. Required in production; without it requests are not signed."""

    @field_validator("default_region")
    @classmethod
    def _known_region(cls, value: str | None) -> str | None:
        if value is not None and value.upper() not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("must be an ISO country code of two letters, as in US")
        return value and value.upper()
