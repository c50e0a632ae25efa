"""Settings: one field per variable of `.env.example`, each checked for its form."""

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import urlsplit

import phonenumbers
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.config.postgres_address import PostgresAddress
from app.config.secrets import is_sample, is_short_secret

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Words = Annotated[tuple[str, ...], NoDecode]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode]


class Environment(StrEnum):
    """Where the service runs; production refuses what is only good for development."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    """What a line of the log looks like."""

    JSON = "json"
    CONSOLE = "console"


class OtpDelivery(StrEnum):
    """How a one-time code reaches its person."""

    RESPONSE = "response"
    CONSOLE = "console"
    TWILIO = "twilio"


class DatabasePooler(StrEnum):
    """What stands between this service and PostgreSQL."""

    TRANSACTION = "transaction"


class Settings(BaseSettings):
    """What operators set. An empty variable counts as not set."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    environment: Environment = Environment.DEVELOPMENT
    database_url: SecretStr
    database_pooler: DatabasePooler | None = None
    database_connect_seconds: Annotated[float, Field(ge=1, le=600)] = 8
    migrate_on_start: bool | None = None
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

    otp_delivery: OtpDelivery | None = None
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""
    twilio_api_base: str = "https://api.twilio.com"
    otp_ttl_seconds: Count = 300
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
    trusted_proxies: Networks = ()
    reply_wait_seconds: Seconds = 25
    message_max_chars: Annotated[int, Field(ge=1)] = 32_000
    chatroom_cache_seconds: Count = 300

    worker_concurrency: Annotated[int, Field(ge=1)] = 200
    reply_lease_seconds: Annotated[float, Field(ge=3)] = 30
    reply_poll_seconds: Annotated[float, Field(ge=1)] = 3
    reply_max_retries: Count = 3
    reply_max_losses: Count = 20
    shutdown_grace_seconds: Seconds = 25

    log_level: str = "info"
    log_format: LogFormat | None = None
    metrics_token: SecretStr = SecretStr("")

    @field_validator("gemini_models", "allowed_origins", "otp_allowed_countries", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _words(value) if isinstance(value, str) else value

    @field_validator("otp_allowed_countries")
    @classmethod
    def _known_countries(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        countries = tuple(word.upper() for word in value)
        if not set(countries) <= phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("must be ISO country codes of two letters, as in US,CA")
        return countries

    @field_validator("default_region")
    @classmethod
    def _known_region(cls, value: str | None) -> str | None:
        if value is not None and value.upper() not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("must be an ISO country code of two letters, as in US")
        return value and value.upper()

    @field_validator("stripe_webhook_secret", mode="before")
    @classmethod
    def _split_secrets(cls, value: object) -> object:
        return tuple(SecretStr(word) for word in _words(value)) if isinstance(value, str) else value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error", "critical"):
            raise ValueError("must be one of debug, info, warning, error, critical")
        return value.lower()

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: SecretStr) -> SecretStr:
        PostgresAddress.parse(value.get_secret_value())
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr) -> SecretStr:
        return _with_scheme(value, "redis", "rediss", "unix")

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if not all(origin == "*" or _is_origin(origin) for origin in origins):
            raise ValueError("must be origins as browsers send them, such as https://app.example.com")
        return origins

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return tuple(ip_network(word, strict=False) for word in _words(value))
        except ValueError:
            raise ValueError("must be addresses or networks, such as 10.0.0.0/8") from None

    @property
    def postgres(self) -> PostgresAddress:
        """The database's address, parsed."""
        return PostgresAddress.parse(self.database_url.get_secret_value())

    @property
    def has_transaction_pooler(self) -> bool:
        """Whether a pooler in transaction mode stands before the database."""
        return self.database_pooler is DatabasePooler.TRANSACTION or self.postgres.is_pooled

    @property
    def has_weak_jwt_secret(self) -> bool:
        """Whether `JWT_SECRET_KEY` is short or a sample, which production refuses."""
        secret = self.jwt_secret_key.get_secret_value()
        return is_short_secret(secret) or is_sample(secret)

    @property
    def migrates_on_start(self) -> bool:
        """Whether API and worker migrate the database when they start: by default in development only."""
        if self.migrate_on_start is None:
            return self.environment is Environment.DEVELOPMENT
        return self.migrate_on_start

    @property
    def code_delivery(self) -> OtpDelivery:
        """How codes are delivered: by default in the response, which production refuses."""
        return self.otp_delivery or OtpDelivery.RESPONSE

    @property
    def broker_url(self) -> str:
        """The queue's address: its own, or Redis's."""
        return (self.celery_broker_url or self.redis_url).get_secret_value()

    @property
    def selectable_models(self) -> tuple[str, ...]:
        """The models a chatroom may choose; the default is always one of them."""
        return tuple(dict.fromkeys((self.gemini_model, *self.gemini_models)))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _with_scheme(address: SecretStr, *schemes: str) -> SecretStr:
    scheme = address.get_secret_value().partition("://")[0].partition("+")[0]
    if scheme not in schemes:
        raise ValueError(f"must begin with {schemes[0]}://")
    return address


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    return (
        parts.scheme in ("http", "https")
        and text == f"{parts.scheme}://{parts.netloc}"
        and bool(parts.netloc)
    )
