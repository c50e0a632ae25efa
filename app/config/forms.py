"""The types of settings: each value is checked at start by the parser that will use it."""

import re
from typing import Annotated, Final

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from app.config.broker_address import BrokerAddress
from app.config.networks import Network, parse_networks
from app.config.origins import parse_origins
from app.config.otp_test_numbers import parse_otp_test_numbers
from app.config.otp_texts import parse_otp_texts
from app.config.postgres_address import PostgresAddress
from app.config.redis_address import RedisAddress
from app.config.sms_webhook import webhook_address, webhook_key
from app.config.texts import require_printable, split_list
from app.config.web_address import web_address

# Above these, libraries overflow: timers, dates, integers of the database and of Redis.
_MAX_COUNT: Final = 1_000_000_000
_MAX_SECONDS: Final = 1_000_000
_MAX_DAYS: Final = 36_500
ALL_COUNTRIES: Final = "*"
"""In place of country codes: every number, including those of satellites and paid services."""
_PATH_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]*(/[A-Za-z0-9_][A-Za-z0-9._@-]*)*")


def _database(value: SecretStr) -> SecretStr:
    PostgresAddress.parse(value.get_secret_value())
    return value


def _redis(value: SecretStr) -> SecretStr:
    RedisAddress.parse(value.get_secret_value())
    return value


def _broker(value: SecretStr) -> SecretStr:
    BrokerAddress.parse(value.get_secret_value())
    return value


def _printable(value: SecretStr) -> SecretStr:
    require_printable(value.get_secret_value())
    return value


def _otp_text(value: str) -> str:
    parse_otp_texts(value)
    return value


def _otp_test_numbers(value: SecretStr) -> SecretStr:
    parse_otp_test_numbers(value.get_secret_value())
    return value


def _webhook_address(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        webhook_address(value.get_secret_value())
    return value


def _split_secrets(value: object) -> object:
    return tuple(SecretStr(item) for item in split_list(value)) if isinstance(value, str) else value


def _webhook_secrets(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in secrets:
        webhook_key(secret.get_secret_value())
    return secrets


def path_part(value: str) -> str:
    """Reject a text that would change the URL which it becomes a part of.

    Raises:
        ValueError: without the value.
    """
    if not _PATH_PART.fullmatch(value):
        raise ValueError("must consist of letters, digits and . _ - @ (it becomes part of a URL)")
    return value


def _split(value: object) -> object:
    return split_list(value) if isinstance(value, str) else value


def _countries(codes: tuple[str, ...]) -> tuple[str, ...]:
    countries = tuple(code.upper() for code in codes)
    if countries != (ALL_COUNTRIES,) and not set(countries) <= phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("must be ISO country codes of two letters, as in US,CA, or * for all")
    return countries


def _origins(value: object) -> object:
    return parse_origins(value) if isinstance(value, str) else value


def _networks(value: object) -> object:
    return parse_networks(value) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Count = Annotated[int, Field(ge=0, le=_MAX_COUNT)]
PositiveCount = Annotated[int, Field(ge=1, le=_MAX_COUNT)]
Days = Annotated[int, Field(ge=0, le=_MAX_DAYS)]
Seconds = Annotated[float, Field(ge=0, le=_MAX_SECONDS, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, le=_MAX_SECONDS, allow_inf_nan=False)]
CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Countries = Annotated[CommaSeparated, AfterValidator(_countries)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
AnyCase = BeforeValidator(_lower)
"""Accept upper case."""
WebAddress = Annotated[str, AfterValidator(web_address)]
PathPart = Annotated[str, AfterValidator(path_part)]
HeaderSecret = Annotated[SecretStr, AfterValidator(_printable)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
BrokerUrl = Annotated[SecretStr, AfterValidator(_broker)]
OtpText = Annotated[str, AfterValidator(_otp_text)]
OtpTestNumberList = Annotated[SecretStr, AfterValidator(_otp_test_numbers)]
SecretWebAddress = Annotated[SecretStr, AfterValidator(_webhook_address)]
WebhookSecrets = Annotated[
    tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_secrets), AfterValidator(_webhook_secrets)
]
