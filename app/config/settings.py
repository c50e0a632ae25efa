"""Settings: one field for each variable of `.env.example`, checked for its form."""

from collections.abc import Mapping

from pydantic import field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from app.config.broker_address import BrokerAddress
from app.config.dotenv_file import DOTENV_FILE, ENCODING
from app.config.forms import ALL_COUNTRIES
from app.config.otp_test_numbers import OtpTestNumber, parse_otp_test_numbers
from app.config.otp_texts import OtpTemplate, parse_otp_texts
from app.config.postgres_address import PostgresAddress
from app.config.redis_address import RedisAddress
from app.config.renamed import RenamableSettings
from app.config.secrets import is_sample, is_short_secret
from app.config.sections import (
    DatabasePooler,
    Environment,
    GeminiSettings,
    LimitSettings,
    LogSettings,
    MessageSettings,
    OtpDelivery,
    RuntimeSettings,
    SignInSettings,
    StripeSettings,
    WorkerSettings,
)
from app.config.texts import require_readable, trimmed


class Settings(
    RenamableSettings,
    LogSettings,  # pydantic takes the fields of the last base first
    WorkerSettings,
    LimitSettings,
    MessageSettings,
    StripeSettings,
    GeminiSettings,
    SignInSettings,
    RuntimeSettings,
):
    """The settings of an installation. Every value is trimmed; an empty variable counts as not set."""

    model_config = SettingsConfigDict(
        env_file=DOTENV_FILE,
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _trim(cls, values: Mapping[str, object]) -> dict[str, object]:
        """Trim every value, and drop those that are empty then."""
        texts = {name: trimmed(value) if isinstance(value, str) else value for name, value in values.items()}
        return {name: value for name, value in texts.items() if value != ""}

    @field_validator("*", mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        return require_readable(value) if isinstance(value, str) else value

    @property
    def redis(self) -> RedisAddress:
        """The address of Redis, parsed."""
        return RedisAddress.parse(self.redis_url.get_secret_value())

    @property
    def postgres(self) -> PostgresAddress:
        """The database's address, parsed."""
        return PostgresAddress.parse(self.database_url.get_secret_value())

    @property
    def has_transaction_pooler(self) -> bool:
        """Whether a pooler in transaction mode is in front of the database."""
        return self.database_pooler is DatabasePooler.TRANSACTION or self.postgres.is_pooled

    @property
    def has_weak_jwt_secret(self) -> bool:
        """Whether `JWT_SECRET_KEY` is short or a sample, which production refuses."""
        secret = self.jwt_secret_key.get_secret_value()
        return is_short_secret(secret) or is_sample(secret)

    @property
    def migrates_on_start(self) -> bool:
        """Whether API and worker migrate the database at start; by default in development only."""
        if self.migrate_on_start is None:
            return self.environment is Environment.DEVELOPMENT
        return self.migrate_on_start

    @property
    def code_delivery(self) -> OtpDelivery:
        """The channel that delivers codes; by default the response, which production refuses."""
        return self.otp_delivery or OtpDelivery.RESPONSE

    @property
    def otp_templates(self) -> tuple[OtpTemplate, ...]:
        """The texts of messages with a code, the default first."""
        return parse_otp_texts(self.otp_text)

    @property
    def otp_minutes(self) -> int:
        """The lifetime of a code as a text names it."""
        return max(self.otp_ttl_seconds // 60, 1)

    @property
    def test_numbers(self) -> tuple[OtpTestNumber, ...]:
        """The numbers with a fixed code, expired ones included."""
        return parse_otp_test_numbers(self.otp_test_numbers.get_secret_value())

    @property
    def code_countries(self) -> frozenset[str]:
        """The countries whose numbers get codes; empty if all do."""
        return frozenset(self.otp_allowed_countries) - {ALL_COUNTRIES}

    @property
    def broker(self) -> BrokerAddress:
        """The address of the queue, which is in Redis by default."""
        if self.celery_broker_url is None:
            return BrokerAddress.of_redis(self.redis)
        return BrokerAddress.parse(self.celery_broker_url.get_secret_value())

    @property
    def selectable_models(self) -> tuple[str, ...]:
        """The models that a chatroom may name, the default first."""
        return tuple(dict.fromkeys((self.gemini_model, *self.gemini_models)))
