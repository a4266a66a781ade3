"""`INSERT … ON CONFLICT DO NOTHING`, which SQLite and PostgreSQL both have and SQL itself does not."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_new(connection: AsyncConnection, table: Table, values: dict[str, Any]) -> bool:
    """Whether the row is new; a row with the same key stays as it is."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    done = await connection.execute(make(table).values(**values).on_conflict_do_nothing())
    return done.rowcount == 1
