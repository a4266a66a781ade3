"""Routes of the audit: the lines as they were written, and where the chains end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from retort_api.audit import repository
from retort_api.scopes import ProjectScope, Root, RootScope
from retort_core.auditing import exported
from retort_core.errors import BadInput
from retort_core.http import routes
from retort_core.http.access import AuditHead, AuditHeads

router = APIRouter(tags=["audit"])
BATCH: Final = 500
After = Annotated[
    list[str] | None,
    Query(
        max_length=repository.LANES,
        description="`lane:line` where the last export ended; repeat for every lane",
    ),
]
LINES: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {routes.JSON_LINES: {}}}}


@router.get(routes.AUDIT, operation_id="exportAudit", response_class=StreamingResponse, responses=LINES)
async def export(scope: ProjectScope, after: After = None) -> StreamingResponse:
    """One event a line, lane by lane, each lane oldest first; a line keeps its place and its hash."""
    return await _exported(scope, scope.project.id, after)


@router.get(
    routes.SYSTEM_AUDIT, operation_id="exportSystemAudit", response_class=StreamingResponse, responses=LINES
)
async def export_system(scope: RootScope, after: After = None) -> StreamingResponse:
    """What concerns no project: log-ins, accounts, refused strangers."""
    return await _exported(scope, "", after)


@router.get(routes.AUDIT_HEADS, operation_id="getAuditHeads")
async def heads(scope: ProjectScope) -> AuditHeads:
    return await _heads(scope, scope.project.id)


@router.get(routes.SYSTEM_AUDIT_HEADS, operation_id="getSystemAuditHeads")
async def system_heads(scope: RootScope) -> AuditHeads:
    return await _heads(scope, "")


async def _heads(scope: Root, chain: str) -> AuditHeads:
    async with scope.services.database.read() as connection:
        found = await repository.ends(connection, chain)
    sealed = scope.services.recorder.sealed
    return AuditHeads(
        chain=chain,
        heads=tuple(
            AuditHead(lane=head.lane, seq=head.seq, hash=head.hash, sealed=sealed(head)) for head in found
        ),
    )


async def _exported(scope: Root, chain: str, after: list[str] | None) -> StreamingResponse:
    """The export is itself an act, and its own line is the last one of it."""
    places = dict(_place(text) for text in after or ())
    await scope.read_note()
    return StreamingResponse(
        _lines(scope, chain, places), media_type=routes.JSON_LINES, headers={"Cache-Control": "no-store"}
    )


async def _lines(scope: Root, chain: str, places: dict[int, int]) -> AsyncIterator[str]:
    async with scope.services.database.read() as connection:
        found = await repository.ends(connection, chain)
    for head in found:
        after = places.get(head.lane, 0)
        while True:
            async with scope.services.database.read() as connection:
                lines = await repository.page(connection, chain, head.lane, after, BATCH)
            if not lines:
                break
            after = lines[-1].seq
            yield "".join(exported(line) + "\n" for line in lines if line.seq <= head.seq)
            if after >= head.seq:
                break


def _place(text: str) -> tuple[int, int]:
    lane, sep, line = text.partition(":")
    if not sep or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in (lane, line)):
        raise BadInput("`after` is a lane and a line, such as 0:120; leave it out to start at the beginning.")
    return int(lane), int(line)
