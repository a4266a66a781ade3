"""Routes of datasets and uploads."""

from __future__ import annotations

import base64
import re
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import JsonValue

from retort_api.datasets import repository, service
from retort_api.kit import cursors
from retort_api.scopes import Cursor, DatasetScope, InDataset, Limit, ProjectScope, on_dataset
from retort_api.tasks import asking
from retort_api.tasks import service as tasks
from retort_api.tasks.replies import accepted
from retort_core import names
from retort_core.errors import BadInput, NotFound
from retort_core.http import routes
from retort_core.http.datasets import Dataset, DatasetCreate
from retort_core.http.pages import Page
from retort_core.http.tasks import Task, TaskCreate
from retort_core.lifecycle.sources import Source, UploadMode, UploadSource

router = APIRouter(tags=["datasets"])


@router.get(routes.DATASETS, operation_id="listDatasets")
async def list_datasets(scope: ProjectScope, cursor: Cursor = "", limit: Limit = 100) -> Page[Dataset]:
    async with scope.services.database.read() as connection:
        found = await repository.page(connection, scope.project.id, cursors.text(cursor), limit + 1)
    more = cursors.encode(found[limit - 1].name) if len(found) > limit else ""
    items = [await service.public(scope.services, record) for record in found[:limit]]
    return Page(items=tuple(items), next_cursor=more)


@router.post(routes.DATASETS, operation_id="createDataset", status_code=201)
async def create_dataset(scope: ProjectScope, body: DatasetCreate) -> Dataset:
    record = await service.create(scope, body.name, body.title)
    return await service.public(scope.services, record)


@router.get(routes.DATASET, operation_id="getDataset")
async def get_dataset(scope: DatasetScope) -> Dataset:
    return await service.public(scope.services, scope.dataset)


class Reading:
    """How to read the file, where the reader's own guess is not wanted."""

    def __init__(
        self,
        sheet: Annotated[str | None, Query(max_length=100)] = None,
        header_rows: Annotated[int | None, Query(ge=0, le=3)] = None,
        skip_rows: Annotated[int | None, Query(ge=0, le=1000)] = None,
        delimiter: Annotated[str | None, Query(min_length=1, max_length=1)] = None,
        encoding: Annotated[str | None, Query(max_length=40)] = None,
    ) -> None:
        given: dict[str, Any] = {
            "sheet": sheet,
            "header_rows": header_rows,
            "skip_rows": skip_rows,
            "delimiter": delimiter,
            "encoding": encoding,
        }
        self.options = {name: value for name, value in given.items() if value is not None}


class Incoming:
    """What the file is called, and how it relates to what is there."""

    def __init__(
        self,
        reading: Annotated[Reading, Depends()],
        filename: Annotated[str, Header(max_length=800, description="Percent-encoded UTF-8")] = "",
        mode: UploadMode = "new",
        branch: Annotated[str, Query(max_length=100)] = routes.DEFAULT_BRANCH,
        key: Annotated[list[str] | None, Query(max_length=20)] = None,
        lang: Literal["", "zh", "en"] = "",
    ) -> None:
        self.lang: Literal["", "zh", "en"] = lang  # of the reply; "" = that of the file's name
        self.filename, self.mode, self.branch = _filename(filename), mode, names.branch(branch.strip())
        self.key, self.options = tuple(key or ()), reading.options

    def source(self, upload: str) -> UploadSource:
        return UploadSource(
            upload=upload, filename=self.filename, mode=self.mode, key=self.key, options=self.options
        )

    @property
    def wish(self) -> dict[str, JsonValue]:
        """All but the file, to be remembered until it is whole."""
        facts: dict[str, JsonValue] = {"mode": self.mode, "key": list(self.key), "options": self.options}
        return {**facts, "branch": self.branch, "lang": self.lang}


@router.post(
    routes.UPLOADS,
    operation_id="uploadFile",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload(
    scope: ProjectScope,
    dataset: str,
    request: Request,
    response: Response,
    incoming: Annotated[Incoming, Depends()],
    content_digest: Annotated[
        str,
        Header(max_length=500, description="RFC 9530, `sha-256=:…:`; a file that does not fit it is refused"),
    ] = "",
) -> Task:
    """The file is the body. The dataset is made when it does not exist yet (mode=new) and the file is here as a whole."""
    known = await dataset_of(scope, dataset, incoming.mode)
    expected = digest_of(content_digest)
    file = await service.receive(scope.services, known or scope, request.stream(), expected)
    # Looked up again: an empty one, made for a file that never came, may have gone while this one was on its way.
    inside = known
    if inside is None or incoming.mode == "new":
        inside = on_dataset(scope, await service.found_or_made(scope, dataset))
    record = await service.received(inside, incoming.filename, file)
    asked = await asking.asked(
        inside, incoming.branch, upload=record.id, digest=record.digest, bytes=record.size
    )
    wanted = TaskCreate(
        source=Source(upload=incoming.source(record.id)),
        branch=incoming.branch,
        lang=incoming.lang,
        active_deadline_seconds=3600,
    )
    task = await tasks.create(scope.services, asked, wanted)
    return accepted(response, scope.project.name, task)


async def dataset_of(scope: ProjectScope, name: str, mode: UploadMode) -> InDataset | None:
    """Where a file goes; None where a new one will make its dataset."""
    async with scope.services.database.read() as connection:
        found = await repository.find(connection, scope.project.id, name)
    if found is None and mode != "new":
        raise NotFound(f"There is no dataset {name[:100]!r} to which this file could be added.")
    if found is None:
        _of_a_dataset(name)
        return None
    return on_dataset(scope, found)


def _of_a_dataset(name: str) -> None:
    if not names.usable(name.strip()):
        raise BadInput(f"{name[: names.LONGEST]!r} cannot name a dataset: {names.ALLOWED}.")


_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):")


def digest_of(header: str, name: str = "Content-Digest") -> str:
    """The SHA-256 of a digest header, in hexadecimal; "" when none was announced."""
    if not header.strip():
        return ""
    found = _SHA256.search(header)
    if found is None:
        raise BadInput(f"{name} must have a sha-256, as in `sha-256=:BASE64:`.")
    return base64.b64decode(found[1]).hex()


def _filename(header: str) -> str:
    """The last part of what the header says; a path of the sender's machine is none of our business."""
    name = unquote(header, errors="replace").replace("\\", "/").rpartition("/")[2].strip()
    clean = "".join(char for char in name if char.isprintable())
    return clean[:255] or "upload"
