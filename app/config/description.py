"""Describe each setting for operators: its value without secrets, where it comes from, and its meaning."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Final

from pydantic import SecretStr

from app.config.dotenv_file import dotenv_variables
from app.config.renamed import RENAMED, former_names
from app.config.sections import SECTIONS
from app.config.settings import Settings

_IS_SET: Final = "set"
_IS_NOT_SET: Final = "not set"


class ValueSource(StrEnum):
    """Where the value of a setting comes from."""

    ENVIRONMENT = "environment"
    DOTENV = ".env"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """One setting; `value` is None if it is malformed, and says only whether a secret is set."""

    name: str
    section: str
    value: str | None
    source: ValueSource
    meaning: str


def describe_settings(settings: Settings, malformed: Collection[str]) -> list[SettingDescription]:
    """Describe every setting, in the order of the reference."""
    environment = _names_of(os.environ)
    dotenv = _names_of(dotenv_variables())
    for former in former_names():
        (environment if former in environment else dotenv).add(RENAMED[former])
    return [
        SettingDescription(
            name=name.upper(),
            section=section.section_title,
            value=None if name in malformed else _shown(getattr(settings, name)),
            source=_source(name.upper(), environment, dotenv),
            meaning=" ".join((field.description or "").split()),
        )
        for section in SECTIONS
        for name, field in section.model_fields.items()
    ]


def _shown(value: object) -> str:
    """Return a value as a text that holds no secret."""
    match value:
        case SecretStr():
            text = _IS_SET if value.get_secret_value() else _IS_NOT_SET
        case tuple() | list() | frozenset() | set():
            is_secret = any(isinstance(item, SecretStr) for item in value)
            text = f"{len(value)} set" if is_secret else ",".join(map(_shown, value))
        case None:
            text = ""
        case bool():
            text = str(value).lower()
        case Enum():
            text = str(value.value)
        case timedelta():
            text = f"{value.total_seconds():g}"
        case float():
            text = f"{value:g}"
        case _:
            text = str(value)
    return text


def _names_of(values: Mapping[str, str]) -> set[str]:
    """Return the names with a value; an empty variable counts as not set."""
    return {name.upper() for name, value in values.items() if value.strip()}


def _source(name: str, environment: Collection[str], dotenv: Collection[str]) -> ValueSource:
    if name in environment:
        return ValueSource.ENVIRONMENT
    return ValueSource.DOTENV if name in dotenv else ValueSource.DEFAULT
