"""Check the outside services: Gemini's key and models, Stripe's price, the provider of text messages."""

from typing import Final
from urllib.parse import urlsplit

from app.config import Environment, Settings
from app.gemini_client.model_lookup import ModelAccess, ModelLookup, look_up_models
from app.kit.reachability import unreachable_reason
from app.services.operations.checks.report import CheckResult, Fact, skipped
from app.stripe_client import StripeGateway, StripeMissingError, StripeUnavailableError

GEMINI: Final = "gemini"
STRIPE: Final = "stripe"
SMS: Final = "sms"


async def check_gemini(settings: Settings, *, seconds: float) -> CheckResult:
    """Check that Gemini accepts the key and has each offered model."""
    found = await look_up_models(settings, seconds=seconds)
    facts = {"address": settings.gemini_base_url} | {each.model: each.access.value for each in found}
    problems = dict.fromkeys(_problem_of(each, settings) for each in found)
    return CheckResult(GEMINI, facts, tuple(each for each in problems if each is not None))


def _problem_of(found: ModelLookup, settings: Settings) -> str | None:
    match found.access:
        case ModelAccess.AVAILABLE:
            return None
        case ModelAccess.KEY_REFUSED:
            return (
                f"Gemini refuses the key ({found.reason}), so every reply fails: set GEMINI_API_KEY to a key"
                " of Google AI Studio that is valid and not restricted to other addresses."
            )
        case ModelAccess.UNKNOWN:
            setting = "GEMINI_MODEL" if found.model == settings.gemini_model else "GEMINI_MODELS"
            return f"Gemini has no model {found.model}: name in {setting} one that it offers."
        case ModelAccess.UNREACHABLE:
            return (
                f"Gemini cannot be reached ({found.reason}): check GEMINI_BASE_URL, the proxy variables and"
                " that this machine may connect to it."
            )


async def check_stripe(settings: Settings, stripe: StripeGateway) -> CheckResult:
    """Check that Stripe accepts the key, and that the price of Pro can be sold."""
    if not settings.stripe_secret_key.get_secret_value():
        return skipped(STRIPE, "STRIPE_SECRET_KEY is not set, so Pro cannot be bought")
    if not settings.stripe_pro_price_id:
        sentence = "STRIPE_PRO_PRICE_ID is not set, so Pro cannot be bought: set it to a recurring price."
        return CheckResult(STRIPE, {"address": settings.stripe_api_base}, (sentence,))
    price_id = settings.stripe_pro_price_id
    try:
        price = await stripe.prices.get(price_id)
    except StripeMissingError:
        sentence = (
            f"Stripe has no price {price_id} in the mode of STRIPE_SECRET_KEY"
            f" ({_mode(is_live=stripe.is_live)}): set STRIPE_PRO_PRICE_ID to a recurring price of that mode."
        )
        return CheckResult(STRIPE, {"address": settings.stripe_api_base}, (sentence,))
    except StripeUnavailableError as error:
        sentence = (
            f"Stripe cannot be used ({error}): check STRIPE_SECRET_KEY and its permissions, STRIPE_API_BASE,"
            " the proxy variables and that this machine may connect to it."
        )
        return CheckResult(STRIPE, {"address": settings.stripe_api_base}, (sentence,))
    problems = []
    if not price.is_recurring:
        problems.append(f"The price {price_id} is paid once: set STRIPE_PRO_PRICE_ID to a recurring price.")
    if not price.is_active:
        problems.append(f"The price {price_id} is archived at Stripe: activate it, or set another one.")
    if price.is_live != stripe.is_live:
        problems.append(
            f"The price {price_id} is of {_mode(is_live=price.is_live)} mode, and STRIPE_SECRET_KEY of"
            f" {_mode(is_live=stripe.is_live)} mode: use a key and a price of one mode."
        )
    facts: dict[str, Fact] = {
        "address": settings.stripe_api_base,
        "mode": _mode(is_live=stripe.is_live),
        "price_is_recurring": price.is_recurring,
        "price_is_active": price.is_active,
    }
    return CheckResult(STRIPE, facts, tuple(problems))


async def check_sms(settings: Settings, *, seconds: float) -> CheckResult:
    """Check that the provider of text messages can be reached; sends nothing."""
    delivery = settings.code_delivery.value
    address = {"twilio": settings.twilio_api_base, "webhook": _webhook_url(settings)}.get(delivery)
    if not address:
        return skipped(SMS, f"OTP_DELIVERY={delivery} sends no text messages")
    parts = urlsplit(address)
    # The path of a webhook may hold a secret, and a request to it may do something.
    origin, host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/", parts.hostname
    reason = await unreachable_reason(origin, seconds=seconds)
    problems = []
    if reason is not None:
        problems.append(
            f"The provider of text messages at {host} cannot be reached ({reason}), so codes are not sent:"
            " check its address, the proxy variables and that this machine may connect to it."
        )
    return CheckResult(SMS, {"delivery": delivery, "host": host}, tuple(problems))


def _webhook_url(settings: Settings) -> str:
    value = getattr(settings, "sms_webhook_url", "") or ""
    return value if isinstance(value, str) else value.get_secret_value()


def _mode(*, is_live: bool) -> str:
    return "live" if is_live else "test"


def is_production(settings: Settings, *, as_production: bool) -> bool:
    """Return whether the rules of production apply."""
    return as_production or settings.environment is Environment.PRODUCTION
