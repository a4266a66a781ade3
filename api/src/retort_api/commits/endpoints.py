"""Routes of versions: history, branches, and what is looked up of one version."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits import service, tables
from retort_api.commits.records import CommitRecord
from retort_api.kit import cursors
from retort_api.kit.conditional import SHOWN, unless_known
from retort_api.kit.negotiation import chosen, given
from retort_api.kit.problems import HttpProblem
from retort_api.runs.library import invalid_names
from retort_api.scopes import Cursor, DatasetScope, InDataset, Limit
from retort_api.tasks.languages import language
from retort_core.errors import Conflict, NotFound
from retort_core.http import routes
from retort_core.http.pages import Page
from retort_core.http.versions import (
    Branch,
    BranchCreate,
    BranchMove,
    Commit,
    CommitDetail,
    CommitPlan,
    Graph,
    RefMove,
    TablePage,
)
from retort_core.plans import Suggestion
from retort_core.profiles import Profile
from retort_plans.explanations import explain
from retort_plans.grounding import ground
from retort_plans.scripts import build_script

router = APIRouter(tags=["versions"])
Ref = Annotated[
    str, Path(max_length=180, description="Beginning of an id, a branch or a tag, optionally with ~n")
]
LangQuery = Annotated[Literal["zh", "en"], Query(description="Language of sentences")]
Columns = Annotated[list[str] | None, Query(max_length=2000, description="Names; all when left out")]


# -- branches ----------------------------------------------------------------------------------------------


@router.get(routes.BRANCHES, operation_id="listBranches")
async def list_branches(scope: DatasetScope, cursor: Cursor = "", limit: Limit = 100) -> Page[Branch]:
    after = cursors.text(cursor)
    protected = await service.protected(scope)
    found = [
        service.branch(ref, protected)
        for ref in await scope.services.log.refs(scope.dataset.id)
        if ref.kind != "staging" and ref.name > after
    ]
    more = cursors.encode(found[limit - 1].name) if len(found) > limit else ""
    return Page(items=tuple(found[:limit]), next_cursor=more)


@router.post(routes.BRANCHES, operation_id="createBranch", status_code=201)
async def create_branch(scope: DatasetScope, body: BranchCreate, response: Response) -> Branch:
    head = await scope.services.log.resolve(scope.dataset.id, body.source or routes.DEFAULT_BRANCH)

    async def also(connection: AsyncConnection) -> None:
        await scope.note(connection, body.name, code=201, branch=body.name, commitAfter=head)

    await scope.services.log.create(scope.dataset.id, body.name, "branch", head, scope.caller.name, also)
    scope.services.signal.notify()
    return await _branch(scope, body.name, response)


@router.get(routes.BRANCH, operation_id="getBranch")
async def get_branch(scope: DatasetScope, branch: str, response: Response) -> Branch:
    return await _branch(scope, branch, response)


@router.put(routes.BRANCH, operation_id="moveBranch")
async def move_branch(
    scope: DatasetScope,
    branch: str,
    body: BranchMove,
    response: Response,
    if_match: Annotated[str, Header(max_length=200)] = "",
) -> Branch:
    """Any version may become the head again; the head it must still have stands in If-Match."""
    if not if_match:
        raise HttpProblem(
            428, "Say which head the branch must still have: If-Match with the ETag of the branch."
        )
    found = await scope.services.log.ref(scope.dataset.id, branch)
    if found.kind != "branch":
        raise Conflict(f"{branch!r} is a tag; tags do not move.")
    if branch in await service.protected(scope):
        await scope.demand(("update", "branches/protected"))
    expect = if_match.strip().removeprefix("W/").strip('"')
    if expect != found.head:
        raise HttpProblem(
            412, f"{branch!r} is at {found.head[:12]} by now.", expected=expect, head=found.head
        )
    to = await scope.services.log.resolve(scope.dataset.id, body.head)

    async def also(connection: AsyncConnection) -> None:
        await scope.note(connection, branch, branch=branch, commitBefore=expect, commitAfter=to)

    await scope.services.log.move(scope.dataset.id, branch, to, expect, "move", scope.caller.name, also)
    scope.services.signal.notify()
    return await _branch(scope, branch, response)


async def _branch(scope: InDataset, name: str, response: Response) -> Branch:
    found = await scope.services.log.ref(scope.dataset.id, name)
    response.headers["ETag"] = f'"{found.head}"'
    return service.branch(found, await service.protected(scope))


# -- history -----------------------------------------------------------------------------------------------


@router.get(routes.COMMITS, operation_id="listCommits")
async def list_commits(
    scope: DatasetScope,
    branch: Annotated[str, Query(max_length=180, description="Any ref; its history, newest first")] = "main",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[Commit]:
    head = await scope.services.log.resolve(scope.dataset.id, branch)
    before = cursors.number(cursor)
    heads = service.heads(await scope.services.log.refs(scope.dataset.id))
    line = [one for one in await service.line(scope, head) if before is None or one.seq < before]
    more = cursors.encode(line[limit - 1].seq) if len(line) > limit else ""
    return Page(items=tuple(service.public(one, heads) for one in line[:limit]), next_cursor=more)


@router.get(routes.GRAPH, operation_id="getGraph")
async def graph(scope: DatasetScope) -> Graph:
    """Everything that ever was a head is shown, also what was undone."""
    refs = await scope.services.log.refs(scope.dataset.id)
    tips = {move.now for move in await scope.services.log.moves(scope.dataset.id)}
    commits = service.reachable(await scope.services.log.commits(scope.dataset.id), tips)
    heads, protected = service.heads(refs), await service.protected(scope)
    return Graph(
        commits=tuple(service.public(one, heads) for one in commits),
        branches=tuple(service.branch(ref, protected) for ref in refs if ref.kind != "staging"),
    )


@router.get(routes.REFLOG, operation_id="listRefMoves")
async def reflog(scope: DatasetScope, cursor: Cursor = "", limit: Limit = 100) -> Page[RefMove]:
    """Oldest first: nothing a branch ever pointed at is lost."""
    after = cursors.number(cursor) or 0
    found = await scope.services.log.moves(scope.dataset.id, after=after, limit=limit + 1)
    more = cursors.encode(found[limit - 1].seq) if len(found) > limit else ""
    items = tuple(
        RefMove(seq=one.seq, name=one.name, was=one.was, now=one.now, why=one.why, by=one.by, at=one.at)
        for one in found[:limit]
    )
    return Page(items=items, next_cursor=more)


# -- one version -------------------------------------------------------------------------------------------


@router.get(routes.COMMIT, operation_id="getCommit", responses=SHOWN)
async def get_commit(scope: DatasetScope, ref: Ref, response: Response) -> CommitDetail:
    record = await service.at(scope, ref)
    detail = await service.detail(scope, record)
    response.headers.update(unless_known(scope.request, record.id, *detail.branches))
    return detail


@router.get(routes.COMMIT_PLAN, operation_id="getCommitPlan", responses=SHOWN)
async def get_plan(scope: DatasetScope, ref: Ref, response: Response) -> CommitPlan:
    record = await service.at(scope, ref)
    response.headers.update(unless_known(scope.request, record.id))
    if record.plan is None:
        raise NotFound(f"Version {record.id[:12]} was not made by a plan ({record.kind}).")
    lang = language(record.instruction or record.title, "")
    return CommitPlan(plan=record.plan, explanation=explain(record.plan, lang))


@router.get(
    routes.COMMIT_SCRIPT,
    operation_id="getCommitScript",
    response_class=Response,
    responses={**SHOWN, **given("text/x-python")},
)
async def get_script(
    scope: DatasetScope,
    ref: Ref,
    row_ids: Annotated[bool, Query(description="As it ran here, with the hidden row ids")] = False,  # noqa: FBT002
) -> Response:
    """The step as Python that needs polars and nothing of Retort."""
    record = await service.at(scope, ref)
    headers = unless_known(scope.request, record.id)
    source = await _plain_script(scope, record) if not row_ids else record.script
    if not source:
        raise NotFound(f"Version {record.id[:12]} has no script ({record.kind}).")
    return Response(source, media_type="text/x-python; charset=utf-8", headers=headers)


async def _plain_script(scope: InDataset, record: CommitRecord) -> str:
    if record.plan is None or not record.parent:
        return record.script
    parent = await scope.services.log.get(scope.dataset.id, record.parent)
    schema = await scope.services.library.schema(parent.snapshot)
    profile = await scope.services.library.profile(parent.snapshot)
    lang = language(record.instruction or record.title, "")
    plan = ground(record.plan, schema, profile)
    return build_script(plan, schema, invalid_names(schema, profile), lang, row_ids=False).source


@router.get(
    routes.COMMIT_TABLE,
    operation_id="getCommitTable",
    response_model=TablePage,
    responses={**SHOWN, **given(routes.ARROW, routes.PARQUET)},
)
async def get_table(
    scope: DatasetScope,
    ref: Ref,
    request: Request,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 100,
    columns: Columns = None,
) -> Response:
    record = await service.at(scope, ref)
    media = chosen(request, tables.MEDIA)
    headers = unless_known(request, record.id, media)
    services, version = scope.services, record.snapshot
    total = (await services.library.manifest(version)).digests.rows
    width = len((await services.library.schema(version)).columns if columns is None else columns)
    cells = tables.bounded(max(0, min(limit, total - offset)), width, media)
    beside = services.exports if cells > tables.LARGE else asyncio.to_thread
    rows = slice(offset, offset + limit)
    data = await beside(tables.written, services.library.snapshots, version, columns, rows, media)
    headers["Retort-Total"] = str(total)
    return Response(data, media_type=media, headers=headers)


@router.get(routes.COMMIT_PROFILE, operation_id="getCommitProfile", responses=SHOWN)
async def get_profile(scope: DatasetScope, ref: Ref, response: Response) -> Profile:
    record = await service.at(scope, ref)
    response.headers.update(unless_known(scope.request, record.id))
    return await scope.services.library.profile(record.snapshot)


@router.get(routes.COMMIT_SUGGESTIONS, operation_id="listSuggestions", responses=SHOWN)
async def get_suggestions(
    scope: DatasetScope, ref: Ref, response: Response, lang: LangQuery = "zh"
) -> Page[Suggestion]:
    """Ready plans the data itself proposes; none is ever applied by itself."""
    record = await service.at(scope, ref)
    response.headers.update(unless_known(scope.request, record.id))
    schema = await scope.services.library.schema(record.snapshot)
    profile = await scope.services.library.profile(record.snapshot)
    return Page(items=await asyncio.to_thread(scope.services.suggest, schema, profile, lang))
