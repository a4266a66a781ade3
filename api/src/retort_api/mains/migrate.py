"""`retort migrate`: brings a database to this release's revision, and a home on one machine onto real servers.

    retort migrate                 the database that the environment names, else the home's
    retort migrate --from HOME     the same, then everything of that home into it and into its object store

Safe to run in every replica at start: one of them migrates, the others wait and find it done.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from retort_api.fsck.service import check
from retort_api.kit.database import Database
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.mains.fsck import lines, stored
from retort_api.mains.stores import locked, named_database, prepared, sqlite
from retort_api.migrations import schema, transfer
from retort_api.settings import Settings
from retort_api.storage import StorageSettings
from retort_core.errors import BadInput, RetortError
from retort_tables.objects.folder import FolderObjects


async def upgraded(database: Database) -> str:
    """What was done, in a sentence."""
    was = await schema.upgrade(database)
    if was == schema.HEAD:
        return f"The database is at revision {was} already."
    return (
        f"The database was {f'at revision {was}' if was else 'empty'}, it is at revision {schema.HEAD} now."
    )


async def copied(home: Path, target: Database, objects_home: Path) -> list[str]:
    """Everything of `home`; what is there afterwards is checked."""
    source = sqlite(home)
    try:
        await schema.upgrade(source)
        place = await asyncio.to_thread(stored, StorageSettings(), objects_home)
        new = await asyncio.to_thread(transfer.copy_objects, FolderObjects(home / "objects"), place, _told)
        rows = await transfer.copy_rows(source, target)
        report = await check(target, place)
    finally:
        await source.close()
    if not report.clean:
        raise BadInput("What arrived is not whole:\n" + "\n".join(lines(report)))
    return [f"{new} objects and {sum(rows.values())} rows were copied from {home}.", *lines(report)]


def _told(count: int) -> None:
    print(f"{count} objects …", file=sys.stderr)  # noqa: T201 - progress of the command


async def run(home: Path, source: Path | None) -> list[str]:
    database = named_database(home)
    try:
        said = [await upgraded(database)]
        if source is not None:
            if source == home and not PostgresSettings().named:
                raise BadInput(
                    "A home is not copied onto itself: set RETORT_DATABASE_URL (and RETORT_S3_ENDPOINT)."
                )
            with locked(prepared(source)):
                said += await copied(source, database, home)
        return said
    finally:
        await database.close()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="retort migrate", description="Bring the database to this release, or a home onto real servers."
    )
    parser.add_argument("--home", type=Path, help="folder of the data, where no PostgreSQL is named")
    parser.add_argument(
        "--from", dest="source", type=Path, help="home whose service is stopped, to copy from"
    )
    given = parser.parse_args(arguments)
    home = prepared(given.home or Settings().home)
    source = given.source.expanduser().resolve() if given.source is not None else None
    try:
        if source is not None and not (source / "retort.db").exists():
            raise BadInput(f"{source} is no home of Retort: it holds no retort.db.")
        said = asyncio.run(run(home, source))
    except RetortError as error:
        sys.exit(f"retort migrate: {error.message}")
    print("\n".join(said))  # noqa: T201 - the answer of the command


if __name__ == "__main__":
    main()
