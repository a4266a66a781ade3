"""The one metadata that every table of every slice is part of, and the column types that SQLite and PostgreSQL share.

A slice keeps its tables in a module of its own (`records`, `…/tables.py`); `retort_api.tables` names them all. Every
constraint has a name by convention, so that it can be migrated.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, DateTime, Integer, MetaData, String, TypeDecorator
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# 64 bits, for sequence numbers and sizes. SQLite numbers rows by itself only in a column of type INTEGER, which has them.
Big: Final[TypeEngine[int]] = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """A UTC time; SQLite forgets the zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def name_type(length: int) -> TypeEngine[str]:
    """A name that lists are ordered and paged by: by code point, whatever the database's own collation is."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")
