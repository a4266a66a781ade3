"""Datasets, and files on their way in: streamed to disk with their size and digest counted, then made an object."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import BinaryIO

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.datasets import repository
from retort_api.datasets.repository import DatasetRecord, UploadRecord
from retort_api.projects import quota_repository
from retort_api.projects.quotas import storage_exceeded
from retort_api.scopes import InDataset, InProject
from retort_api.services import Services
from retort_core.errors import BadInput, Conflict, LimitExceeded
from retort_core.http.datasets import Dataset
from retort_core.http.routes import DEFAULT_BRANCH


async def create(scope: InProject, name: str, title: str = "", at: datetime | None = None) -> DatasetRecord:
    record = DatasetRecord(
        id=uuid.uuid4().hex,
        project=scope.project.id,
        name=name,
        title=title,
        created_at=at or datetime.now(UTC),
    )
    try:
        async with scope.services.database.write() as connection:
            await repository.add(connection, record)
            await scope.note(connection, name, code=201, id=record.id)
    except IntegrityError:
        raise Conflict(f"There is a dataset {name!r} already.") from None
    return record


async def found_or_made(scope: InProject, name: str, at: datetime | None = None) -> DatasetRecord:
    """Where a file goes. Who sent another at the same moment may have made the dataset meanwhile."""
    for _ in range(2):
        async with scope.services.database.read() as connection:
            found = await repository.find(connection, scope.project.id, name)
        if found is not None:
            return found
        with suppress(Conflict):
            return await create(scope, name, at=at)
    raise Conflict(f"There is a dataset {name!r} already.")


async def public(services: Services, record: DatasetRecord) -> Dataset:
    head = await services.log.head(record.id, DEFAULT_BRANCH)
    rows = columns = 0
    if head:
        counts = (await services.log.get(record.id, head)).counts
        rows, columns = counts.rows_after, counts.columns_after
    return Dataset(
        id=record.id,
        name=record.name,
        title=record.title,
        created_at=record.created_at,
        default_branch=DEFAULT_BRANCH,
        head=head,
        rows=rows,
        columns=columns,
    )


@dataclass(frozen=True, kw_only=True)
class Received:
    size: int
    digest: str
    object: str = ""


async def receive(
    services: Services, scope: InProject, body: AsyncIterator[bytes], expected: str = ""
) -> Received:
    """The whole file as an object, or an error and nothing kept. `expected`: the SHA-256 its sender says it has."""
    limit = services.settings.upload_bytes
    left = await services.quotas.left(scope.project.id)
    with tempfile.TemporaryFile(dir=services.spool, prefix="upload-") as file:
        try:
            received = await _write(file, body, min(limit, left) if left is not None else limit)
        except LimitExceeded:
            if left is None or left >= limit:
                raise
            async with services.database.read() as connection:
                quota = await services.quotas.show(connection, scope.project.id)
            raise storage_exceeded(quota.storage_used, quota.storage_bytes) from None
        if not received.size:
            raise BadInput("The file is empty: 0 bytes arrived. Send the file as the body of the request.")
        if expected and expected != received.digest:
            raise BadInput(
                "The file was damaged on its way: its SHA-256 is not the one that was announced. Send it again.",
                announced=expected, received=received.digest,
            )  # fmt: skip
        key = (await asyncio.to_thread(services.objects.add_file, file)).key
    return replace(received, object=key)


async def received(scope: InDataset, filename: str, file: Received) -> UploadRecord:
    """A file that has arrived is an upload of this dataset."""
    record = UploadRecord(
        id=uuid.uuid4().hex,
        dataset=scope.dataset.id,
        filename=filename,
        object=file.object,
        size=file.size,
        digest=file.digest,
        created_at=datetime.now(UTC),
    )
    async with scope.services.database.write() as connection:
        await keep(connection, scope, record)
    return record


async def keep(connection: AsyncConnection, scope: InDataset, record: UploadRecord) -> None:
    """A file that is an object by now becomes an upload of this dataset, and counts."""
    await repository.add_upload(connection, record)
    await quota_repository.add(connection, scope.project.id, "upload", record.size)


def too_large(limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"The file is larger than {limit >> 20} MiB. Split it, or raise RETORT_UPLOAD_BYTES.", limit=limit
    )


async def _write(file: BinaryIO, body: AsyncIterator[bytes], limit: int) -> Received:
    size, digest = 0, hashlib.sha256()
    async for piece in body:
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        digest.update(piece)
        file.write(piece)
    file.flush()
    return Received(size=size, digest=digest.hexdigest())
