"""Everything of one database and object store into another: from a home on one machine to PostgreSQL and S3.

Objects first, rows afterwards and in one transaction: a transfer that is interrupted leaves an empty database and objects
that nobody names, and is simply begun again. Rows keep their numbers and ids, so every version, address and audit line is
the same afterwards. The source is read in one snapshot; its service must be stopped, or what it writes later stays behind.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.kit.database import Database
from retort_api.tables import metadata
from retort_core.errors import Conflict, Infrastructure
from retort_tables.objects.port import ObjectStore, key_of, read

BATCH: Final = 500
AT_ONCE: Final = 8


def copy_objects(
    source: ObjectStore, target: ObjectStore, told: Callable[[int], None] = lambda _: None
) -> int:
    """How many were new there. Blocking; every object is proven on its way."""

    def one(key: str) -> bool:
        return not target.exists(key) and _copied(source, target, key)

    new = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="retort-copy") as pool:
        for count, added in enumerate(pool.map(one, source.keys()), 1):
            new += added
            if count % 1000 == 0:
                told(count)
    return new


def _copied(source: ObjectStore, target: ObjectStore, key: str) -> bool:
    """Files are mapped, not loaded: eight tables at once may be larger than the memory."""
    path = source.local(key)
    if path is None or not path.stat().st_size:
        return target.add(read(source, key)).new
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
    ):
        if key_of(view) != key:
            raise Infrastructure(
                f"Object {key[:12]} is damaged: its bytes no longer match its name.", key=key
            )
        return target.add(view).new


async def copy_rows(source: Database, target: Database) -> dict[str, int]:
    """Rows by table. Both are at this release's revision; the target holds nothing."""
    async with source.read() as reading, target.write() as writing:
        await _refuse_full(writing)
        return {table.name: await _copy(reading, writing, table) for table in metadata.sorted_tables}


async def _refuse_full(connection: AsyncConnection) -> None:
    for table in metadata.sorted_tables:
        if (
            await connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1))
        ).first() is not None:
            raise Conflict(
                f"The target database holds rows already ({table.name}). A home is copied into an empty one only."
            )


async def _copy(reading: AsyncConnection, writing: AsyncConnection, table: sa.Table) -> int:
    count = 0
    rows = await reading.stream(sa.select(table).order_by(*table.primary_key.columns))
    async for batch in rows.partitions(BATCH):
        await writing.execute(table.insert(), [dict(row._mapping) for row in batch])  # noqa: SLF001
        count += len(batch)
    await _number_on(writing, table)
    return count


async def _number_on(connection: AsyncConnection, table: sa.Table) -> None:
    """PostgreSQL goes on counting after the highest number that was brought along; SQLite does so by itself."""
    counted = table.autoincrement_column
    if connection.dialect.name != "postgresql" or counted is None:
        return
    highest = (await connection.execute(sa.select(sa.func.max(counted)))).scalar()
    if highest is not None:
        sequence = sa.func.pg_get_serial_sequence(table.name, counted.name)
        await connection.execute(sa.select(sa.func.setval(sequence, highest)))
