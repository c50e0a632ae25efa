"""Settings of Stripe: keys, price, grace period."""

from typing import Annotated, ClassVar

from pydantic import SecretStr, field_validator
from pydantic_settings import NoDecode

from app.config.forms import Days, WebAddress
from app.config.sections.base import Section
from app.config.texts import split_list


class StripeSettings(Section):
    """Stripe's API and the price of Pro."""

    section_title: ClassVar[str] = "Stripe"

    stripe_secret_key: SecretStr = SecretStr("")
    """Secret key (`sk_…`); `./dev run` and docker-compose use the sandbox if neither this nor
    `STRIPE_API_BASE` is set."""
    stripe_api_base: WebAddress = "https://api.stripe.com"
    """Address of Stripe's API, or of a sandbox."""
    stripe_webhook_secret: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """Signing secret of the webhook endpoint (`whsec_…`); two, comma-separated, during a rotation."""
    stripe_pro_price_id: str = ""
    """Recurring price of Pro (`price_…`)."""
    grace_days: Days = 7
    """Days for which Pro continues while a payment is overdue."""

    @field_validator("stripe_webhook_secret", mode="before")
    @classmethod
    def _split_secrets(cls, value: object) -> object:
        return tuple(SecretStr(item) for item in split_list(value)) if isinstance(value, str) else value
