"""Uploads in parts: a file that is cut off on its way goes on where it stopped, on whichever replica answers.

Each piece is an object of the store and a row, so nothing lies on one machine only. A part's object begins with bytes that
no other object has, because parts are deleted when the file is whole or given up: an object that is named by its bytes
alone could be somebody's file. The whole is put together in the spool, held against the SHA-256 that was announced at the
start, and becomes the upload that the single request makes too. What is left behind goes when the next session begins.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Final

from sqlalchemy.exc import IntegrityError

from retort_api.datasets import repository, service
from retort_api.datasets import session_repository as sessions
from retort_api.datasets.repository import UploadRecord
from retort_api.datasets.session_repository import PartRecord, SessionRecord
from retort_api.projects.quotas import storage_exceeded
from retort_api.scopes import InDataset, InProject
from retort_api.services import Services
from retort_core.errors import BadInput, Conflict, LimitExceeded, NotFound, TooMany
from retort_core.http.datasets import MOST_PART_BYTES, UploadSession

LEAST_PART_BYTES: Final = 256 << 10  # of all but the last: a file of 2 GiB has 8,192 rows at most
OPEN: Final = 32  # files on their way into one project
SWEPT: Final = 8  # given-up files that go when another begins
MARK_BYTES: Final = 32
BLOCK: Final = 1 << 20


def public(record: SessionRecord) -> UploadSession:
    return UploadSession(
        id=record.id, filename=record.filename, length=record.length, offset=record.received,
        part_bytes=MOST_PART_BYTES, expires_at=record.expires_at,
    )  # fmt: skip


async def same(scope: InDataset, wanted: SessionRecord) -> SessionRecord | None:
    """The open session of the same file."""
    async with scope.services.database.read() as connection:
        return await sessions.same(connection, scope.dataset.id, wanted)


async def check(scope: InProject, wanted: SessionRecord) -> None:
    """Whether another file may begin; before anything is made for it."""
    services, now = scope.services, wanted.created_at
    async with services.database.read() as connection:
        held = await sessions.reserved(connection, scope.project.id, now)
    limit = services.settings.upload_bytes
    if wanted.length > limit:
        raise service.too_large(limit)
    await _fits(scope, wanted.length + held.bytes)
    if held.sessions >= OPEN:
        raise TooMany(
            f"{held.sessions} files are on their way into this project, and {OPEN} may; finish or give up some.",
            quota="uploads", used=held.sessions, allowed=OPEN, retry_after=60,
        )  # fmt: skip


async def begin(scope: InDataset, wanted: SessionRecord) -> SessionRecord:
    async with scope.services.database.write() as connection:
        await sessions.add(connection, wanted)
        await scope.note(
            connection, wanted.id, code=201, upload=wanted.id, digest=wanted.digest, bytes=wanted.length
        )
    return wanted


def until(services: Services) -> datetime:
    return datetime.now(UTC) + timedelta(hours=services.settings.upload_hours)


async def _fits(scope: InProject, size: int) -> None:
    left = await scope.services.quotas.left(scope.project.id)
    if left is not None and size > left:
        async with scope.services.database.read() as connection:
            quota = await scope.services.quotas.show(connection, scope.project.id)
        raise storage_exceeded(quota.storage_used, quota.storage_bytes)


async def get(scope: InDataset, identifier: str) -> SessionRecord:
    async with scope.services.database.read() as connection:
        found = await sessions.find(connection, scope.dataset.id, scope.caller.name, identifier)
    if found is None or (found.expires_at <= datetime.now(UTC) and not found.done):
        raise NotFound(
            f"There is no upload {identifier[:40]!r} of yours under way; it may have expired. Begin again."
        )
    return found


# -- parts -------------------------------------------------------------------------------------------------


async def take(
    scope: InDataset, session: SessionRecord, offset: int, body: AsyncIterator[bytes], expected: str
) -> SessionRecord:
    """One piece, whole or not at all. `expected`: its SHA-256, where its sender says it."""
    if offset != session.received:
        raise _elsewhere(session)
    data = await _piece(session, body)
    if expected and hashlib.sha256(data).hexdigest() != expected:
        raise BadInput(
            "The piece was damaged on its way: its SHA-256 is not the one that was announced. Send it again."
        )
    marked = secrets.token_bytes(MARK_BYTES) + data
    key = await asyncio.to_thread(scope.services.objects.put, marked)
    part = PartRecord(session=session.id, start=offset, size=len(data), object=key)
    async with scope.services.database.write() as connection:
        moved = await sessions.advance(connection, scope.dataset.id, session, part, until(scope.services))
    if moved is None:
        await asyncio.to_thread(scope.services.objects.delete, key)
        raise _elsewhere(await get(scope, session.id))
    return moved


async def _piece(session: SessionRecord, body: AsyncIterator[bytes]) -> bytes:
    data, left = bytearray(), session.length - session.received
    async for block in body:
        data += block
        if len(data) > left:
            raise BadInput(
                f"More bytes came than were announced: the file has {session.length}.", length=session.length
            )
        if len(data) > MOST_PART_BYTES:
            raise LimitExceeded(
                f"A piece is larger than {MOST_PART_BYTES} bytes; send smaller ones.", limit=MOST_PART_BYTES
            )
    if len(data) < min(LEAST_PART_BYTES, left):
        raise BadInput(f"A piece has {LEAST_PART_BYTES} bytes at least, except the last; {len(data)} came.")
    return bytes(data)


def _elsewhere(session: SessionRecord) -> Conflict:
    return Conflict(
        f"The file goes on at byte {session.received}; send the piece that begins there.",
        offset=session.received,
    )


# -- the end -----------------------------------------------------------------------------------------------


async def whole(scope: InDataset, session: SessionRecord) -> UploadRecord:
    """The upload, the same one however often it is asked for."""
    services, dataset = scope.services, scope.dataset.id
    made = await _made(services, dataset, session)
    if made is not None:
        return made
    if session.received != session.length:
        raise _elsewhere(session)
    await _fits(scope, session.length)
    async with services.database.read() as connection:
        parts = await sessions.parts(connection, session.id)
    try:
        record = await _assembled(services, session, parts)
    except NotFound:
        made = await _made(
            services, dataset, session
        )  # another request was faster and has cleared the parts away
        if made is None:
            raise
        return made
    if record is None:
        await _clear(services, session.id, parts)
        raise BadInput(
            "The file was damaged on its way: its SHA-256 is not the one that was announced. Send it again.",
            announced=session.digest,
        )
    try:
        async with services.database.write() as connection:
            await service.keep(connection, scope, record)
            await sessions.finish(connection, session.id)
    except IntegrityError:  # another request was faster, with the same
        pass
    return record


async def tidy(scope: InDataset, session: SessionRecord) -> None:
    """The parts of a file that is whole; the session stays until it expires, for a reply that was lost."""
    async with scope.services.database.read() as connection:
        parts = await sessions.parts(connection, session.id)
    await _drop(scope.services, parts)


async def _made(services: Services, dataset: str, session: SessionRecord) -> UploadRecord | None:
    async with services.database.read() as connection:
        return await repository.upload(connection, dataset, session.id)


async def _assembled(
    services: Services, session: SessionRecord, parts: Sequence[PartRecord]
) -> UploadRecord | None:
    """None when it is not what was announced."""

    def put() -> str:
        with tempfile.TemporaryFile(dir=services.spool, prefix="upload-") as file:
            for part in parts:
                _append(services, part, file)
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != session.digest:
                return ""
            return services.objects.add_file(file).key

    key = await asyncio.to_thread(put)
    if not key:
        return None
    return UploadRecord(
        id=session.id, dataset=session.dataset, filename=session.filename, object=key, size=session.length,
        digest=session.digest, created_at=datetime.now(UTC),
    )  # fmt: skip


def _append(services: Services, part: PartRecord, file: BinaryIO) -> None:
    with services.objects.open(part.object) as stream:
        stream.read(MARK_BYTES)
        shutil.copyfileobj(stream, file, BLOCK)


# -- what is left behind -----------------------------------------------------------------------------------


async def give_up(scope: InDataset, session: SessionRecord) -> None:
    async with scope.services.database.read() as connection:
        parts = await sessions.parts(connection, session.id)
    await _clear(scope.services, session.id, parts)


async def sweep(services: Services, now: datetime) -> None:
    """Objects before rows: what is interrupted is swept again."""
    async with services.database.read() as connection:
        gone = await sessions.expired(connection, now, SWEPT)
        left = {one: await sessions.parts(connection, one) for one in gone}
    for session, parts in left.items():
        await _clear(services, session, parts)


async def _clear(services: Services, session: str, parts: Sequence[PartRecord]) -> None:
    await _drop(services, parts)
    async with services.database.write() as connection:
        await sessions.forget(connection, session)


async def _drop(services: Services, parts: Sequence[PartRecord]) -> None:
    for part in parts:
        await asyncio.to_thread(services.objects.delete, part.object)
    if parts:
        async with services.database.write() as connection:
            await sessions.forget_parts(connection, parts)
