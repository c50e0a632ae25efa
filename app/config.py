"""Settings: one field per variable of `.env.example`; the service refuses to start on unsafe ones."""

from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Words = Annotated[tuple[str, ...], NoDecode]

_SAMPLE_WORDS = ("change", "example", "secret-key", "your", "sample", "development", "sandbox")
_MIN_SECRET_BYTES = 32


class Environment(StrEnum):
    """Where the service runs; production refuses what is only good for development."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class OtpDelivery(StrEnum):
    """How a one-time code reaches its person."""

    RESPONSE = "response"
    CONSOLE = "console"
    TWILIO = "twilio"


class SettingsInvalidError(Exception):
    """Raised with every problem of the environment at once; never holds a value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["The settings are not usable:", *(f"  - {p}" for p in problems)]))


class Settings(BaseSettings):
    """What operators set. An empty variable counts as not set."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    environment: Environment = Environment.DEVELOPMENT
    database_url: SecretStr
    redis_url: SecretStr
    celery_broker_url: SecretStr | None = None

    jwt_secret_key: SecretStr = SecretStr("")
    access_token_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 24
    refresh_token_days: Annotated[float, Field(gt=0, le=3650)] = 30

    gemini_api_key: SecretStr = SecretStr("")
    gemini_base_url: str = "https://generativelanguage.googleapis.com"
    gemini_api_version: str = "v1beta"
    gemini_model: str = "gemini-3.8-flash"
    gemini_models: Words = ()
    gemini_timeout_seconds: Annotated[float, Field(gt=0)] = 120
    gemini_max_output_tokens: Annotated[int, Field(ge=1)] = 8192
    context_token_budget: Count = 32_000

    stripe_secret_key: SecretStr = SecretStr("")
    stripe_webhook_secret: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    stripe_pro_price_id: str = ""
    stripe_api_base: str = "https://api.stripe.com"
    grace_days: Count = 7

    public_url: str = "http://localhost:8000"
    allowed_origins: Words = ()

    otp_delivery: OtpDelivery = OtpDelivery.CONSOLE
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""
    twilio_api_base: str = "https://api.twilio.com"
    otp_ttl_seconds: Annotated[int, Field(ge=1)] = 300
    otp_resend_seconds: Count = 30
    otp_per_hour: Count = 5
    otp_per_day: Count = 10
    otp_per_ip_hour: Count = 20
    otp_per_prefix_hour: Count = 50
    otp_global_per_hour: Count = 10_000
    otp_allowed_countries: Words = ()
    default_region: str | None = None

    basic_messages_per_day: Count = 5
    pro_requests_per_minute: Count = 100
    ip_requests_per_minute: Count = 1000
    trusted_proxies: Words = ()
    reply_wait_seconds: Seconds = 25
    message_max_chars: Annotated[int, Field(ge=1)] = 32_000
    chatroom_cache_seconds: Annotated[int, Field(ge=1)] = 300

    worker_concurrency: Annotated[int, Field(ge=1)] = 200
    reply_lease_seconds: Annotated[float, Field(ge=3)] = 30
    reply_poll_seconds: Annotated[float, Field(ge=1)] = 3
    reply_max_retries: Count = 3
    reply_max_losses: Count = 20
    shutdown_grace_seconds: Seconds = 25

    log_level: str = "info"
    log_format: str = "json"
    metrics_token: SecretStr = SecretStr("")

    @field_validator(
        "gemini_models", "allowed_origins", "otp_allowed_countries", "trusted_proxies", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("stripe_webhook_secret", mode="before")
    @classmethod
    def _split_secrets(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(SecretStr(word.strip()) for word in value.split(",") if word.strip())
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error", "critical"):
            raise ValueError("must be one of debug, info, warning, error, critical")
        return value.lower()

    @field_validator("log_format")
    @classmethod
    def _known_format(cls, value: str) -> str:
        if value not in ("json", "console"):
            raise ValueError("must be json or console")
        return value

    @model_validator(mode="after")
    def _complete_sender(self) -> Self:
        if self.otp_delivery is OtpDelivery.TWILIO and not (
            self.twilio_account_sid and self.twilio_auth_token.get_secret_value() and self.twilio_from
        ):
            raise ValueError(
                "OTP_DELIVERY=twilio needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM"
            )
        return self

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        if self.environment is Environment.PRODUCTION and (problems := _production_problems(self)):
            raise ValueError("; ".join(problems))
        return self

    @property
    def broker_url(self) -> str:
        """The queue's address: its own, or Redis's."""
        return (self.celery_broker_url or self.redis_url).get_secret_value()

    @property
    def selectable_models(self) -> tuple[str, ...]:
        """The models a chatroom may choose; the default is always one of them."""
        return tuple(dict.fromkeys((self.gemini_model, *self.gemini_models)))


def _production_problems(settings: Settings) -> list[str]:
    problems = []
    secret = settings.jwt_secret_key.get_secret_value()
    if not secret:
        problems.append("JWT_SECRET_KEY is missing")
    elif len(secret.encode()) < _MIN_SECRET_BYTES:
        problems.append(f"JWT_SECRET_KEY is shorter than {_MIN_SECRET_BYTES} bytes")
    elif any(word in secret.lower() for word in _SAMPLE_WORDS):
        problems.append("JWT_SECRET_KEY is a sample")
    if not settings.gemini_api_key.get_secret_value():
        problems.append("GEMINI_API_KEY is missing")
    if not settings.gemini_base_url.startswith("https://"):
        problems.append("GEMINI_BASE_URL is a sandbox: production needs https")
    problems += _stripe_problems(settings)
    if settings.otp_delivery is not OtpDelivery.TWILIO:
        problems.append(
            "OTP_DELIVERY shows codes to whoever asks or reads the terminal: production needs twilio"
        )
    if not settings.twilio_api_base.startswith("https://"):
        problems.append("TWILIO_API_BASE is a sandbox: production needs https")
    if "*" in settings.allowed_origins:
        problems.append("ALLOWED_ORIGINS must name origins, not *")
    return problems


def _stripe_problems(settings: Settings) -> list[str]:
    problems = []
    key = settings.stripe_secret_key.get_secret_value()
    if not key.startswith(("sk_", "rk_")) or "sandbox" in key:
        problems.append("STRIPE_SECRET_KEY is missing, a sandbox's, or no secret key of Stripe's (sk_…)")
    secrets = [secret.get_secret_value() for secret in settings.stripe_webhook_secret]
    if not secrets or not all(secret.startswith("whsec_") for secret in secrets):
        problems.append("STRIPE_WEBHOOK_SECRET is missing or no signing secret of Stripe's (whsec_…)")
    if "whsec_sandbox" in secrets:
        problems.append("STRIPE_WEBHOOK_SECRET is a sandbox's")
    if not settings.stripe_pro_price_id.startswith("price_") or "sandbox" in settings.stripe_pro_price_id:
        problems.append("STRIPE_PRO_PRICE_ID is missing, a sandbox's, or no price of Stripe's (price_…)")
    if not settings.stripe_api_base.startswith("https://"):
        problems.append("STRIPE_API_BASE is a sandbox: production needs https")
    return problems


def load_settings() -> Settings:
    """Read the environment and `.env`.

    Raises:
        SettingsInvalidError: naming every problem, without any value.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems: list[str] = []
        for item in error.errors(include_input=False, include_url=False, include_context=False):
            message = item["msg"].removeprefix("Value error, ")
            name = str(item["loc"][0]).upper() if item["loc"] else ""
            if item["type"] == "missing":
                problems.append(f"{name} is missing")
            elif name:
                problems.append(f"{name}: {message}")
            else:
                problems.extend(message.split("; "))
        raise SettingsInvalidError(problems) from None


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once; ends the process with the list of problems otherwise."""
    try:
        return load_settings()
    except SettingsInvalidError as error:
        raise SystemExit(str(error)) from None
