"""Routes of uploads in parts: begin, send pieces, ask how far it came, finish; a cut costs one piece.

Names of headers follow the IETF draft on resumable uploads (`Upload-Length`, `Upload-Offset`) and RFC 9530 (digests).
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from retort_api.datasets import service as datasets
from retort_api.datasets import session_service as service
from retort_api.datasets.endpoints import Incoming, dataset_of, digest_of
from retort_api.datasets.session_repository import SessionRecord
from retort_api.scopes import DatasetScope, ProjectScope, on_dataset
from retort_api.tasks import asking
from retort_api.tasks import service as tasks
from retort_api.tasks.replies import accepted
from retort_core.errors import BadInput
from retort_core.http import routes
from retort_core.http.datasets import UploadSession
from retort_core.http.tasks import Task, TaskCreate
from retort_core.lifecycle.sources import Source, UploadSource

router = APIRouter(tags=["datasets"])
Digest = Annotated[str, Header(max_length=500, description="RFC 9530, `sha-256=:…:`, of the whole file")]


@router.post(routes.UPLOAD_SESSIONS, operation_id="beginUpload", status_code=201)
async def begin(
    scope: ProjectScope,
    dataset: str,
    response: Response,
    incoming: Annotated[Incoming, Depends()],
    upload_length: Annotated[int, Header(ge=1, description="Bytes of the whole file")],
    repr_digest: Digest,
) -> UploadSession:
    """Asked again for the same file by the same caller, the one that is under way: its `offset` is where to go on."""
    digest = digest_of(repr_digest, "Repr-Digest")
    if not digest:
        raise BadInput("Repr-Digest is missing: the SHA-256 of the file, as in `sha-256=:BASE64:`.")
    now = datetime.now(UTC)
    await service.sweep(scope.services, now)
    known = await dataset_of(scope, dataset, incoming.mode)
    wanted = SessionRecord(
        id=uuid.uuid4().hex,
        dataset=known.dataset.id if known is not None else "",
        caller=scope.caller.name,
        filename=incoming.filename,
        wish=incoming.wish,
        length=upload_length,
        received=0,
        digest=digest,
        created_at=now,
        expires_at=service.until(scope.services),
    )
    found = await service.same(known, wanted) if known is not None else None
    if found is None:
        await service.check(scope, wanted)
        # Made at the very moment of the session, a dataset goes with it when no file ever arrives.
        known = known or on_dataset(scope, await datasets.found_or_made(scope, dataset, now))
        found = await service.begin(known, replace(wanted, dataset=known.dataset.id))
    place = {"project": scope.project.name, "dataset": dataset, "session": found.id}
    response.headers["Location"] = routes.UPLOAD_SESSION.format(**routes.quoted(place))
    return _told(response, found)


@router.get(routes.UPLOAD_SESSION, operation_id="getUpload")
async def get(scope: DatasetScope, session: str, response: Response) -> UploadSession:
    """How far it came."""
    return _told(response, await service.get(scope, session))


@router.patch(
    routes.UPLOAD_SESSION,
    operation_id="sendPiece",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def send(
    scope: DatasetScope,
    session: str,
    request: Request,
    response: Response,
    upload_offset: Annotated[int, Header(ge=0, description="Where in the file the piece begins")],
    content_digest: Annotated[
        str, Header(max_length=500, description="RFC 9530, of the piece; one that does not fit is refused")
    ] = "",
) -> UploadSession:
    """A piece is kept whole or not at all; 409 says where to go on."""
    found = await service.get(scope, session)
    expected = digest_of(content_digest)
    return _told(response, await service.take(scope, found, upload_offset, request.stream(), expected))


@router.post(routes.UPLOAD_SESSION, operation_id="finishUpload", status_code=202)
async def finish(scope: DatasetScope, session: str, response: Response) -> Task:
    """The task that reads the file, the same one however often it is asked for."""
    found = await service.get(scope, session)
    record = await service.whole(scope, found)
    wish = dict(found.wish)
    branch, lang = wish.pop("branch"), wish.pop("lang")
    asked = await asking.asked(scope, branch, upload=record.id, digest=record.digest, bytes=record.size)
    source = UploadSource(upload=record.id, filename=record.filename, **wish)
    wanted = TaskCreate(source=Source(upload=source), branch=branch, lang=lang, active_deadline_seconds=3600)
    task = await tasks.create(scope.services, asked, wanted, f"upload {found.id}")
    await service.tidy(scope, found)
    return accepted(response, scope.project.name, task)


@router.delete(routes.UPLOAD_SESSION, operation_id="giveUpUpload", status_code=204)
async def give_up(scope: DatasetScope, session: str) -> None:
    found = await service.get(scope, session)
    await service.give_up(scope, found)
    await _noted(scope, found)


async def _noted(scope: DatasetScope, session: SessionRecord) -> None:
    async with scope.services.database.write() as connection:
        await scope.note(connection, session.id, code=204, upload=session.id)


def _told(response: Response, record: SessionRecord) -> UploadSession:
    response.headers["Upload-Offset"] = str(record.received)
    return service.public(record)
