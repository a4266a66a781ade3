"""The schema of a database: which revision it is at, and how it gets to the newest, in one transaction or not at all.

alembic is imported only when there is something to do: a service that starts on a database of its own release compares
one row with a file name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.kit.database import Database
from retort_api.tables import metadata
from retort_core.errors import Conflict

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER: Final = Path(__file__).parent
HEAD: Final = max(path.stem.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))
FIRST: Final = "0001"  # what `create_all` of earlier releases made
VERSIONS: Final = "alembic_version"
LOCK: Final = 0x7265_746F_7274_0002  # "retort", 2: replicas that start together migrate one after the other


async def revision(connection: AsyncConnection) -> str:
    """Empty for a database without tables."""
    names = await connection.run_sync(lambda same: set(sa.inspect(same).get_table_names()))
    if VERSIONS in names:
        found = (await connection.execute(sa.text(f"SELECT version_num FROM {VERSIONS}"))).scalar()  # noqa: S608
        return str(found or "")
    return FIRST if "commits" in names else ""


async def upgrade(database: Database) -> str:
    """To the newest revision; the one it was at. Safe to run in several processes at once."""
    async with database.read() as connection:
        was = await revision(connection)
    if was == HEAD:
        return was
    async with database.write() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        was = await revision(connection)
        refuse_newer(was)
        if not was:
            await connection.run_sync(_create)
        elif was != HEAD:
            await connection.run_sync(_migrate, was)
    return was


async def ready(database: Database) -> None:
    """Raises Conflict unless the database is at the revision of this release."""
    async with database.read() as connection:
        was = await revision(connection)
    refuse_newer(was)
    if was != HEAD:
        state = f"at revision {was}" if was else "empty"
        raise Conflict(f"The database is {state}, this release needs {HEAD}: run `retort migrate` first.")


def refuse_newer(was: str) -> None:
    if was > HEAD:
        raise Conflict(
            f"The database is at revision {was}, which is newer than this release ({HEAD}). Upgrade Retort."
        )


def configuration(connection: sa.Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def _create(connection: sa.Connection) -> None:
    """A fresh database, without walking through its history."""
    metadata.create_all(connection)
    connection.execute(
        sa.text(
            f"CREATE TABLE {VERSIONS} (version_num VARCHAR(32) NOT NULL, "
            f"CONSTRAINT {VERSIONS}_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(sa.text(f"INSERT INTO {VERSIONS} VALUES (:head)"), {"head": HEAD})  # noqa: S608


def _migrate(connection: sa.Connection, was: str) -> None:
    from alembic import command

    config = configuration(connection)
    if was == FIRST:
        command.stamp(config, FIRST)
    command.upgrade(config, "head")
