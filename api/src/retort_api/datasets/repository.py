"""SQL of datasets and uploads. Every function works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.records import datasets, uploads


@dataclass(frozen=True, kw_only=True)
class DatasetRecord:
    id: str
    project: str
    name: str
    title: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class UploadRecord:
    """Received bytes: `object` is their key in the object store."""

    id: str
    dataset: str
    filename: str
    object: str
    size: int
    digest: str
    created_at: datetime


async def add(connection: AsyncConnection, record: DatasetRecord) -> None:
    await connection.execute(insert(datasets).values(**vars(record)))


async def find(connection: AsyncConnection, project: str, name: str) -> DatasetRecord | None:
    """By name or id; a name wins."""
    query = select(datasets).where(
        datasets.c.project == project, or_(datasets.c.name == name, datasets.c.id == name)
    )
    rows = sorted(await connection.execute(query), key=lambda row: row.name != name)
    return _dataset(rows[0]) if rows else None


async def by_id(connection: AsyncConnection, identifier: str) -> DatasetRecord | None:
    row = (await connection.execute(select(datasets).where(datasets.c.id == identifier))).first()
    return _dataset(row) if row is not None else None


async def page(connection: AsyncConnection, project: str, after: str, limit: int) -> list[DatasetRecord]:
    query = (
        select(datasets)
        .where(datasets.c.project == project, datasets.c.name > after)
        .order_by(datasets.c.name)
        .limit(limit)
    )
    return [_dataset(row) for row in await connection.execute(query)]


def _dataset(row: Row[Any]) -> DatasetRecord:
    return DatasetRecord(**row._mapping)  # noqa: SLF001 - the public accessor of SQLAlchemy


async def add_upload(connection: AsyncConnection, record: UploadRecord) -> None:
    await connection.execute(insert(uploads).values(**vars(record)))


async def upload(connection: AsyncConnection, dataset: str, identifier: str) -> UploadRecord | None:
    query = select(uploads).where(uploads.c.dataset == dataset, uploads.c.id == identifier)
    row = (await connection.execute(query)).first()
    return UploadRecord(**row._mapping) if row is not None else None  # noqa: SLF001
