"""Settings: one field per variable of `.env.example`, each checked for its form."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import phonenumbers
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from app.config.broker_address import BrokerAddress
from app.config.dotenv_file import DOTENV_FILE, ENCODING
from app.config.forms import (
    ALL_COUNTRIES,
    AnyCase,
    BrokerUrl,
    Count,
    Countries,
    DatabaseUrl,
    Days,
    HeaderSecret,
    Items,
    Networks,
    Origins,
    PathPart,
    PositiveCount,
    PositiveSeconds,
    RedisUrl,
    Seconds,
    WebAddress,
    path_part,
)
from app.config.postgres_address import PostgresAddress
from app.config.redis_address import RedisAddress
from app.config.renamed import RenamableSettings
from app.config.secrets import is_sample, is_short_secret
from app.config.texts import require_readable, split_list, trimmed


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


class Settings(RenamableSettings):
    """What operators set. Every value is trimmed; an empty variable counts as not set."""

    model_config = SettingsConfigDict(
        env_file=DOTENV_FILE,
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Annotated[Environment, AnyCase] = Environment.DEVELOPMENT
    database_url: DatabaseUrl
    database_pooler: Annotated[DatabasePooler, AnyCase] | None = None
    database_connect_seconds: PositiveSeconds = 8
    migrate_on_start: bool | None = None
    redis_url: RedisUrl
    redis_connect_seconds: PositiveSeconds = 5
    redis_command_seconds: PositiveSeconds = 0.5
    celery_broker_url: BrokerUrl | None = None

    jwt_secret_key: SecretStr = SecretStr("")
    access_token_hours: Annotated[float, Field(gt=0, le=24 * 365, allow_inf_nan=False)] = 24
    refresh_token_days: Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)] = 30

    gemini_api_key: HeaderSecret = SecretStr("")
    gemini_base_url: WebAddress = "https://generativelanguage.googleapis.com"
    gemini_api_version: PathPart = "v1beta"
    gemini_model: PathPart = "gemini-3.8-flash"
    gemini_models: Items = ()
    gemini_timeout_seconds: PositiveSeconds = 120
    gemini_max_output_tokens: PositiveCount = 8192
    context_token_budget: Count = 32_000

    stripe_secret_key: SecretStr = SecretStr("")
    stripe_webhook_secret: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    stripe_pro_price_id: str = ""
    stripe_api_base: WebAddress = "https://api.stripe.com"
    grace_days: Days = 7

    public_url: WebAddress = "http://localhost:8000"
    allowed_origins: Origins = ()

    otp_delivery: Annotated[OtpDelivery, AnyCase] | None = None
    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""
    twilio_api_base: WebAddress = "https://api.twilio.com"
    otp_ttl_seconds: Count = 300
    otp_resend_seconds: Count = 30
    otp_per_hour: Count = 5
    otp_per_day: Count = 10
    otp_per_ip_hour: Count = 20
    otp_per_prefix_hour: Count = 50
    otp_global_per_hour: Count = 10_000
    otp_allowed_countries: Countries = ()
    default_region: str | None = None

    basic_messages_per_day: Count = 5
    basic_requests_per_minute: Count = 100
    pro_requests_per_minute: Count = 100
    ip_requests_per_minute: Count = 1000
    basic_rooms_per_user: Count = 500
    pro_rooms_per_user: Count = 10_000
    streams_per_user: Count = 20
    exports_per_user: Count = 2
    trusted_proxies: Networks = ()
    reply_wait_seconds: Seconds = 25
    message_max_chars: PositiveCount = 32_000
    chatroom_cache_seconds: Count = 300

    worker_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 200
    reply_places_per_user: PositiveCount = 10
    reply_lease_seconds: Annotated[Seconds, Field(ge=3)] = 30
    reply_poll_seconds: Annotated[Seconds, Field(ge=1)] = 3
    reply_max_retries: Count = 3
    reply_max_worker_losses: Count = 20
    shutdown_grace_seconds: Seconds = 25

    log_level: str = "info"
    log_format: Annotated[LogFormat | None, AnyCase] = None
    metrics_token: HeaderSecret = SecretStr("")

    @model_validator(mode="before")
    @classmethod
    def _trim(cls, values: Mapping[str, object]) -> dict[str, object]:
        """Trim every value, and leave out those that hold nothing else."""
        texts = {name: trimmed(value) if isinstance(value, str) else value for name, value in values.items()}
        return {name: value for name, value in texts.items() if value != ""}

    @field_validator("*", mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        return require_readable(value) if isinstance(value, str) else value

    @field_validator("gemini_models")
    @classmethod
    def _model_names(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(path_part, models))

    @field_validator("default_region")
    @classmethod
    def _known_region(cls, value: str | None) -> str | None:
        if value is not None and value.upper() not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("must be an ISO country code of two letters, as in US")
        return value and value.upper()

    @field_validator("stripe_webhook_secret", mode="before")
    @classmethod
    def _split_secrets(cls, value: object) -> object:
        return tuple(SecretStr(word) for word in split_list(value)) if isinstance(value, str) else value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error", "critical"):
            raise ValueError("must be one of debug, info, warning, error, critical")
        return value.lower()

    @property
    def redis(self) -> RedisAddress:
        """Where codes, limits, caches and streams are."""
        return RedisAddress.parse(self.redis_url.get_secret_value())

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
    def code_countries(self) -> frozenset[str]:
        """The countries whose numbers get codes; empty when all do."""
        return frozenset(self.otp_allowed_countries) - {ALL_COUNTRIES}

    @property
    def broker(self) -> BrokerAddress:
        """Where the queue is: at its own address, or in Redis."""
        if self.celery_broker_url is None:
            return BrokerAddress.of_redis(self.redis)
        return BrokerAddress.parse(self.celery_broker_url.get_secret_value())

    @property
    def selectable_models(self) -> tuple[str, ...]:
        """The models a chatroom may choose; the default is always one of them."""
        return tuple(dict.fromkeys((self.gemini_model, *self.gemini_models)))
