"""Read the environment and `.env` once, or fail with the list of all problems."""

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pydantic import SecretStr, ValidationError

from app.config.authorities import authority_problems
from app.config.checks import find_problems
from app.config.dotenv_file import dotenv_problems
from app.config.log_options import refuse_to_start
from app.config.proxies import proxy_problems
from app.config.sections import Environment
from app.config.settings import Settings

_HEADING: Final = "The settings are not usable:"
START_FAILURE: Final = 3
"""The exit code of a process that cannot start. `uvicorn --workers` ends if a child exits with this code, and
restarts children that exit with any other."""


class SettingsInvalidError(Exception):
    """Raised with every problem of the environment at once; never holds a value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join([_HEADING, *(f"  - {problem}" for problem in problems)]))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SettingsReading:
    """The settings, with placeholders for `malformed` fields, and each variable's problem."""

    settings: Settings
    problems: list[tuple[str, str]]
    malformed: frozenset[str]


def load_settings() -> Settings:
    """Read the environment and `.env`.

    Raises:
        SettingsInvalidError: naming every problem, without any value.
    """
    if unreadable := dotenv_problems():  # missing settings may be in the file
        raise SettingsInvalidError(unreadable)
    reading = read_settings()
    if reading.problems:
        raise SettingsInvalidError([f"{variable} {message}" for variable, message in reading.problems])
    return reading.settings


def read_settings(*, as_production: bool = False) -> SettingsReading:
    """Read the environment and `.env` with all problems; with `as_production` also those of production.

    Call `dotenv_problems` before: the file must be readable.
    """
    try:
        settings = Settings()
        malformed: dict[str, str] = {}
    except ValidationError as error:
        malformed = _malformed(error)
        # With placeholders, the checks for production run on the other settings in the same start.
        placeholders: dict[str, Any] = {field: _placeholder(field) for field in malformed}
        settings = Settings(**placeholders)
    problems = [(field.upper(), message) for field, message in malformed.items()]
    problems += [
        (field.upper(), message)
        for field, message in find_problems(settings, as_production=as_production)
        if field not in malformed
    ]
    problems += [*proxy_problems(os.environ), *authority_problems(os.environ)]
    return SettingsReading(settings, problems, frozenset(malformed))


@lru_cache
def get_settings() -> Settings:
    """Return the settings of this process, read once; else end it with the list of problems on stderr."""
    try:
        return load_settings()
    except SettingsInvalidError as error:
        refuse_to_start(*error.problems, heading=_HEADING)
        raise SystemExit(START_FAILURE) from None


@lru_cache
def get_flower_settings() -> Settings:
    """Return the settings of Flower, which needs the queue's address and no secret of the service.

    If `DATABASE_URL` is set, Flower has all settings, and fails as the other processes do. Otherwise the
    settings that it does not need have their default or a placeholder.
    """
    missing: set[str] = set()
    try:
        Settings()
    except ValidationError as error:
        missing = {field for field, problem in _malformed(error).items() if problem == "is missing"}
    if "database_url" not in missing:
        return get_settings()
    placeholders: dict[str, Any] = {field: _placeholder(field) for field in missing}
    try:
        settings = Settings(**placeholders)
    except ValidationError as error:
        problems = [f"{field.upper()} {message}" for field, message in _malformed(error).items()]
    else:
        if "redis_url" not in missing or settings.celery_broker_url is not None:
            return settings
        problems = ["CELERY_BROKER_URL is missing, and so is REDIS_URL"]
    refuse_to_start(*dotenv_problems(), *problems, heading=_HEADING)
    raise SystemExit(START_FAILURE)


def _malformed(error: ValidationError) -> dict[str, str]:
    """Return the problem of each malformed field, without its value."""
    return {
        str(item["loc"][0]): "is missing"
        if item["type"] == "missing"
        else item["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    }


def _placeholder(field: str) -> object:
    """Return a valid value, so that the other checks run; an unknown environment may be production."""
    if field == "environment":
        return Environment.PRODUCTION
    default = Settings.model_fields[field].get_default()
    return SecretStr(_ADDRESSES[field]) if field in _ADDRESSES else default


_ADDRESSES = {"database_url": "postgresql://unknown", "redis_url": "redis://unknown"}
