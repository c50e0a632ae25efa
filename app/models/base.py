"""The declarative base: naming of constraints, aware times, ids made by the application."""

import secrets
import time
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime, Enum, MetaData, Text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine


def _values(words: type[StrEnum]) -> list[str]:
    return [word.value for word in words]


class Base(DeclarativeBase):
    """Common ground of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, TypeEngine[Any]]] = {
        datetime: DateTime(timezone=True),
        str: Text(),
        StrEnum: Enum(StrEnum, native_enum=False, length=20, values_callable=_values),
    }


class _Ticks:
    """The time in 4096ths of a millisecond, never the same twice in this process."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """A later tick than the one before, also when the clock stands still or goes back."""
        self._last = max(time.time_ns() * 4096 // 1_000_000, self._last + 1)
        return self._last


_ticks = _Ticks()


def new_id() -> UUID:
    """A UUID of version 7 (RFC 9562) in the order of making: time, its fraction of a millisecond, chance."""
    tick = _ticks.next()
    return UUID(int=(tick >> 12) << 80 | 7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62 | secrets.randbits(62))
