"""Routes that compare versions and that hand them out as files."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, BinaryIO, Literal
from urllib.parse import quote

import polars as pl
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from retort_api.commits import service
from retort_api.commits.differences import Differences, cells
from retort_api.commits.endpoints import Columns, LangQuery, Ref
from retort_api.commits.filenotes import file_notes
from retort_api.commits.quality import sentences
from retort_api.commits.records import CommitRecord
from retort_api.commits.reporting import report
from retort_api.commits.result_endpoints import PartName, part_of
from retort_api.kit import cursors
from retort_api.kit.conditional import SHOWN, unless_known
from retort_api.kit.negotiation import chosen, given
from retort_api.runs.comparing import Pair
from retort_api.runs.losses import counts_of
from retort_api.scopes import Cursor, DatasetScope, InDataset, Limit, ProjectScope
from retort_core.cells import ROW_ID
from retort_core.http import routes
from retort_core.http.versions import Diff, Quality
from retort_tables.exports import export
from retort_tables.objects.port import read
from retort_tables.pieces import Bounds
from retort_tables.snapshots.port import Scan

router = APIRouter(tags=["files"])
BLOCK = 1 << 20
MEDIA = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": routes.PARQUET,
}
FILES = {**SHOWN, **given(*MEDIA.values())}
Format = Annotated[Literal["csv", "xlsx", "parquet"], Query()]
Encoding = Annotated[Literal["utf-8", "utf-8-sig", "gb18030"], Query(description="Of CSV; -sig = with BOM")]


@router.get(routes.DIFF, operation_id="getDiff", responses=SHOWN)
async def get_diff(
    scope: DatasetScope,
    response: Response,
    older: Annotated[str, Query(alias="from", max_length=180)],
    newer: Annotated[str, Query(alias="to", max_length=180)],
    cursor: Cursor = "",
    limit: Limit = 100,
    key: Annotated[
        list[str] | None, Query(max_length=20, description="Names of columns that identify a row")
    ] = None,
) -> Diff:
    """Summary with complete counts, and one page: removed and added rows first, then changed cells."""
    old, new = await service.at(scope, older), await service.at(scope, newer)
    response.headers.update(unless_known(scope.request, old.id, new.id))
    services, columns = scope.services, tuple(key or ())
    ancestor = await services.log.ancestor(scope.dataset.id, old.id, new.id)
    manifest = await services.library.manifest(ancestor.snapshot) if ancestor is not None else None
    between = _Between(
        old, new, ancestor, manifest.digests.next_row_id if manifest is not None else None, columns
    )
    page = partial(_diff, scope, between, cursors.number(cursor) or 0, limit)
    if services.differences.kept(*between.name):
        return await asyncio.to_thread(page)
    pair = Pair(old.snapshot, new.snapshot, by_rows=between.common is not None and not columns)
    return await services.comparing((pair,), page)


@dataclass(frozen=True)
class _Between:
    """Two versions, and what is known of how they belong together. `common`: the next row id of the ancestor."""

    old: CommitRecord
    new: CommitRecord
    ancestor: CommitRecord | None
    common: int | None
    key: tuple[str, ...]

    @property
    def name(self) -> tuple[str, str, int | None, tuple[str, ...]]:
        return self.old.snapshot, self.new.snapshot, self.common, self.key


def _diff(scope: InDataset, between: _Between, start: int, limit: int) -> Diff:
    old, new = between.old, between.new
    snapshots = scope.services.library.snapshots
    differences: Differences = scope.services.differences
    found = differences.find(*between.name)
    changes = found.difference.changes
    names = {column.id: column.name for column in snapshots.schema(new.snapshot).columns}
    moved = found.compared.removed.len() + found.compared.added.len()
    rows = differences.rows(found, old.snapshot, new.snapshot, start, limit) if start < moved else ()
    page = cells(found, names, max(0, start - moved), limit - len(rows)) if limit > len(rows) else ()
    end = start + len(rows) + len(page)
    return Diff(
        older=old.id,
        newer=new.id,
        common=between.ancestor.id if between.ancestor is not None else "",
        tier=found.difference.tier,
        counts=counts_of(changes),
        changes=changes,
        columns=changes.columns,
        cells_by_column={names.get(column, column): one.changed for column, one in changes.cells.items()},
        rows=rows,
        cells=page,
        next_cursor=cursors.encode(end) if end < moved + found.compared.cells.height else "",
    )


@router.get(routes.COMMIT_QUALITY, operation_id="getCommitQuality", responses=SHOWN)
async def get_quality(scope: DatasetScope, ref: Ref, response: Response, lang: LangQuery = "zh") -> Quality:
    record = await service.at(scope, ref)
    response.headers.update(unless_known(scope.request, record.id))
    schema = await scope.services.library.schema(record.snapshot)
    profile = await scope.services.library.profile(record.snapshot)
    first = (await service.line(scope, record.id))[-1]
    return Quality(
        rows=profile.rows,
        columns=len(schema.columns),
        findings=profile.findings,
        sentences=sentences(schema, profile, lang),
        file=tuple(note["text"] for note in file_notes(first.details.get("report", {}), lang)),
    )


@router.get(
    routes.COMMIT_EXPORT, operation_id="exportCommit", response_class=StreamingResponse, responses=FILES
)
async def export_commit(
    scope: DatasetScope,
    ref: Ref,
    format: Format = "csv",  # noqa: A002 - the parameter's name in the URL
    encoding: Encoding = "utf-8",
    columns: Columns = None,
    raw: Annotated[bool, Query(description="Write back the raw text of cells without a value")] = True,  # noqa: FBT002
    hidden: Annotated[bool, Query(description="Parquet with row ids, as scripts take it")] = False,  # noqa: FBT002
) -> StreamingResponse:
    record = await service.at(scope, ref)
    headers = _headers(scope, MEDIA[format], record.id)
    scan = await asyncio.to_thread(scope.services.library.snapshots.scan, record.snapshot, columns)
    name = f"{scope.dataset.name}-{record.id[:12]}.{format}"
    await scope.read_note(scope.dataset.name, commit=record.id, format=format)

    def write(out: BinaryIO) -> dict[str, int]:
        return export(
            scan, out, form=format, encoding=encoding, raw=raw, hidden=hidden, bounds=_bounds(scope)
        ).warnings

    return await _file(scope, name, MEDIA[format], headers, write)


@router.get(
    routes.COMMIT_REPORT,
    operation_id="getCommitReport",
    response_class=StreamingResponse,
    responses={**SHOWN, **given(MEDIA["xlsx"])},
)
async def get_report(scope: DatasetScope, ref: Ref, lang: LangQuery = "zh") -> StreamingResponse:
    """The processing report: waterfall, every step in words with counts, removed ids, changed cells, commit ids."""
    record = await service.at(scope, ref)
    headers = _headers(scope, MEDIA["xlsx"], record.id)
    line = await service.line(scope, record.id)
    name = f"{scope.dataset.name}-{record.id[:12]}-report.xlsx"
    await scope.read_note(scope.dataset.name, commit=record.id, format="report")
    now = datetime.now(UTC)

    def write(out: BinaryIO) -> dict[str, int]:
        report(scope.services.library.snapshots, scope.dataset.name, line, lang, now, out)
        return {}

    return await _file(scope, name, MEDIA["xlsx"], headers, write)


@router.get(
    routes.RESULT_EXPORT, operation_id="exportResult", response_class=StreamingResponse, responses=FILES
)
async def export_result(
    scope: ProjectScope,
    result: str,
    part: PartName = "table",
    format: Format = "csv",  # noqa: A002 - the parameter's name in the URL
    encoding: Encoding = "utf-8",
) -> StreamingResponse:
    found = await part_of(scope, result, part)
    headers = _headers(scope, MEDIA[format], result)
    await scope.read_note(result, part=part, format=format)
    data = await asyncio.to_thread(read, scope.services.objects, found.object)

    def rows() -> pl.LazyFrame:
        table = pl.scan_parquet(io.BytesIO(data), row_index_name=ROW_ID)
        return table.with_columns(pl.col(ROW_ID).cast(pl.Int64))

    def write(out: BinaryIO) -> dict[str, int]:
        scan = Scan(
            root="", schema=found.table_schema, table=rows, marks=lambda: _no_marks().lazy(), next_row_id=found.rows, total=found.rows
        )  # fmt: skip
        return export(scan, out, form=format, encoding=encoding, bounds=_bounds(scope)).warnings

    return await _file(scope, f"{part}-{result[:12]}.{format}", MEDIA[format], headers, write)


def _bounds(scope: ProjectScope) -> Bounds:
    return Bounds(most=scope.services.settings.export_bytes, folder=scope.services.spool)


def _no_marks() -> pl.DataFrame:
    from retort_tables.layout import no_marks

    return no_marks()


def _headers(scope: ProjectScope, media: str, *facts: str) -> dict[str, str]:
    """Of a file in the form that its parameters name; 406 where the caller takes only others."""
    chosen(scope.request, (media,))
    return unless_known(scope.request, *facts)


async def _file(
    scope: ProjectScope,
    name: str,
    media: str,
    headers: dict[str, str],
    write: Callable[[BinaryIO], dict[str, int]],
) -> StreamingResponse:
    """Written to the spool first, so that a failure is an error and not half a file."""
    file = tempfile.TemporaryFile(dir=scope.services.spool, prefix="export-")  # noqa: SIM115 - closed by the stream
    try:
        told = await scope.services.exports(write, file)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    headers = {
        **headers,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "Content-Length": str(size),
        **({routes.NOTES: ",".join(f"{code}={n}" for code, n in told.items())} if told else {}),
    }
    return StreamingResponse(_blocks(file), media_type=media, headers=headers)


async def _blocks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while block := await asyncio.to_thread(file.read, BLOCK):
            yield block
