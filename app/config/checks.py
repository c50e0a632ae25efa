"""Checks that refuse a start: incomplete settings, and settings that are unsafe in production."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from app.config.otp_texts import length_fault
from app.config.secrets import MIN_JWT_SECRET_BYTES, is_sample, is_short_secret
from app.config.sections import Environment, OtpDelivery
from app.config.settings import Settings
from app.config.sms_webhook import is_sample_secret
from app.config.twilio import SENDER_FORMS, is_account, is_sender

Problem = tuple[str, str]
"""A field, and its problem, without the value."""

# Besides DATABASE_URL and REDIS_URL, which are required everywhere.
REQUIRED_IN_PRODUCTION: Final = (
    "jwt_secret_key",
    "gemini_api_key",
    "stripe_secret_key",
    "stripe_webhook_secret",
    "stripe_pro_price_id",
)
_SECRETS: Final = (
    "jwt_secret_key",
    "gemini_api_key",
    "stripe_secret_key",
    "stripe_webhook_secret",
    "stripe_pro_price_id",
    "twilio_auth_token",
    "metrics_token",
)
_ADDRESSES_OF_PROVIDERS: Final = ("gemini_base_url", "stripe_api_base", "twilio_api_base")
_SENDERS: Final = (OtpDelivery.TWILIO, OtpDelivery.WEBHOOK)
_REQUIRED_BY_TWILIO: Final = ("twilio_account_sid", "twilio_auth_token", "twilio_from")
# Keys and ids that are sent in headers and URLs as they are.
_SENT_UNCHANGED: Final = (
    "gemini_api_key",
    "stripe_secret_key",
    "stripe_webhook_secret",
    "stripe_pro_price_id",
)

_FORMS: Final = {
    "stripe_secret_key": (("sk_", "rk_"), "secret key of Stripe's (sk_…)"),
    "stripe_webhook_secret": (("whsec_",), "signing secret of Stripe's (whsec_…)"),
    "stripe_pro_price_id": (("price_",), "price of Stripe's (price_…)"),
}


def find_problems(settings: Settings, *, as_production: bool = False) -> list[Problem]:
    """Return the problems of settings that are well-formed; with `as_production` also those of production."""
    found = list(_incomplete(settings))
    if as_production or settings.environment is Environment.PRODUCTION:
        found += [*_bad_secrets(settings), *_unsafe_delivery(settings), *_unsafe_for_production(settings)]
    return found


def _incomplete(settings: Settings) -> Iterator[Problem]:
    if settings.otp_delivery is OtpDelivery.TWILIO:
        for field in _REQUIRED_BY_TWILIO:
            if not _text(settings, field):
                yield field, "is missing, but OTP_DELIVERY=twilio needs it"
        if settings.twilio_from and not is_sender(settings.twilio_from):
            yield "twilio_from", SENDER_FORMS
    if settings.otp_delivery is OtpDelivery.WEBHOOK and not _text(settings, "sms_webhook_url"):
        yield "sms_webhook_url", "is missing, but OTP_DELIVERY=webhook needs it"
    for template in settings.otp_templates:
        if (fault := length_fault(template, minutes=settings.otp_minutes)) is not None:
            yield "otp_text", fault
            break
    for field in _SENT_UNCHANGED:
        if not all(_can_be_sent(part) for part in _text(settings, field).split(",")):
            yield field, "contains a line break, a space or a character that no key has"


def _bad_secrets(settings: Settings) -> Iterator[Problem]:
    for field in REQUIRED_IN_PRODUCTION:
        if not _text(settings, field):
            yield field, "is missing"
    for field in _SECRETS:
        if is_sample(_text(settings, field)):
            yield field, "is a sample"
    if (secret := _text(settings, "jwt_secret_key")) and is_short_secret(secret):
        yield (
            "jwt_secret_key",
            f"is shorter than {MIN_JWT_SECRET_BYTES} bytes: use what `openssl rand -hex 32` prints",
        )
    if settings.otp_delivery is OtpDelivery.TWILIO and not is_account(settings.twilio_account_sid or "AC0"):
        yield "twilio_account_sid", "is no account SID of Twilio's (AC…)"
    for field, (forms, what) in _FORMS.items():
        if (text := _text(settings, field)) and not all(part.startswith(forms) for part in text.split(",")):
            yield field, f"is no {what}"


def _unsafe_delivery(settings: Settings) -> Iterator[Problem]:
    if settings.otp_delivery is None:
        yield "otp_delivery", "is missing: production needs twilio or webhook"
    elif settings.otp_delivery not in _SENDERS:
        yield "otp_delivery", "shows codes to callers or on the terminal: production needs twilio or webhook"
    if settings.otp_delivery is not OtpDelivery.WEBHOOK:
        return
    if (address := _text(settings, "sms_webhook_url")) and not _is_public(address):
        yield "sms_webhook_url", "must be https with a public host in production"
    if not settings.sms_webhook_secret:
        yield "sms_webhook_secret", "is missing, but production needs it for OTP_DELIVERY=webhook"
    if any(is_sample_secret(secret.get_secret_value()) for secret in settings.sms_webhook_secret):
        yield "sms_webhook_secret", "is a sample"


def _unsafe_for_production(settings: Settings) -> Iterator[Problem]:
    for field in _ADDRESSES_OF_PROVIDERS:
        if not _is_public(_text(settings, field)):
            yield field, "is a sandbox: production needs https and a public host"
    if not settings.otp_allowed_countries:
        yield "otp_allowed_countries", "is missing: name the countries whose numbers get codes, or * for all"
    if "*" in settings.allowed_origins:
        yield "allowed_origins", "must name origins, not *"
    if any(network.prefixlen == 0 for network in settings.trusted_proxies):
        yield "trusted_proxies", "must name proxies, not all addresses"


def _can_be_sent(key: str) -> bool:
    """Return whether a key can be sent in a header and in a URL as it is."""
    return key.isascii() and key.isprintable() and " " not in key


def _text(settings: Settings, field: str) -> str:
    value = getattr(settings, field)
    if isinstance(value, tuple):  # several secrets, during a rotation
        return ",".join(secret.get_secret_value() for secret in value)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _is_public(address: str) -> bool:
    """Return whether an address is https with a host outside of this machine and its networks."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    try:
        is_public_host = ip_address(host).is_global
    except ValueError:
        is_public_host = "." in host and not host.endswith((".localhost", ".local", ".internal", ".test"))
    return parts.scheme == "https" and is_public_host
