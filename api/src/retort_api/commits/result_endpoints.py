"""Routes of read-only results."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from retort_api.commits import results, tables
from retort_api.commits.results import Part, ResultRecord
from retort_api.kit.conditional import SHOWN, unless_known
from retort_api.kit.negotiation import chosen, given
from retort_api.scopes import InProject, ProjectScope
from retort_core.errors import NotFound
from retort_core.http import routes
from retort_core.http.versions import Result, ResultPart, TablePage

router = APIRouter(tags=["results"])
PartName = Annotated[str, Query(max_length=100, description="Name of the answer's table")]


@router.get(routes.RESULT, operation_id="getResult", responses=SHOWN)
async def get_result(scope: ProjectScope, result: str, response: Response) -> Result:
    record = await _record(scope, result)
    stale = await _stale(scope, record)
    response.headers.update(unless_known(scope.request, record.id, stale))
    return Result(
        id=record.id,
        task=record.task,
        dataset=record.dataset,
        commit=record.commit,
        branch=record.branch,
        title=record.title,
        plan=record.plan,
        steps=record.plan.steps if record.plan is not None else (),
        parts=tuple(
            ResultPart(name=name, rows=part.rows, columns=part.table_schema.names)
            for name, part in record.parts.items()
        ),
        stale=stale,
        created_at=record.created_at,
    )


@router.get(
    routes.RESULT_TABLE,
    operation_id="getResultTable",
    response_model=TablePage,
    responses={**SHOWN, **given(routes.ARROW, routes.PARQUET)},
)
async def get_table(
    scope: ProjectScope,
    result: str,
    request: Request,
    part: PartName = "table",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 1000,
) -> Response:
    record = await _record(scope, result)
    found = _part(record, part)
    media, stale = chosen(request, tables.MEDIA), await _stale(scope, record)
    headers = unless_known(request, record.id, media, stale)
    rows = found.rows if media != "application/json" else max(0, min(limit, found.rows - offset))
    cells = tables.bounded(rows, len(found.table_schema.columns), media)
    beside = scope.services.exports if cells > tables.LARGE else asyncio.to_thread
    place, objects = slice(offset, offset + limit), scope.services.objects
    data = await beside(tables.answer_written, objects, found, place, media, stale=stale)
    return Response(data, media_type=media, headers=headers)


async def _record(scope: InProject, identifier: str) -> ResultRecord:
    async with scope.services.database.read() as connection:
        found = await results.get(connection, scope.project.id, identifier)
    if found is None:
        raise NotFound(f"There is no result {identifier[:40]!r} in this project.")
    return found


async def part_of(scope: InProject, result: str, name: str) -> Part:
    return _part(await _record(scope, result), name)


def _part(record: ResultRecord, name: str) -> Part:
    if name not in record.parts:
        raise NotFound(f"This result has no table {name!r}; it has {', '.join(record.parts)}.")
    return record.parts[name]


async def _stale(scope: InProject, record: ResultRecord) -> bool:
    """Whether the branch moved on since."""
    return await scope.services.log.head(record.dataset, record.branch) != record.commit
