"""Routes of tasks and of their event stream."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from retort_api.kit import cursors, signals
from retort_api.kit.problems import HttpProblem
from retort_api.scopes import Cursor, DatasetScope, InProject, Limit, ProjectScope
from retort_api.tasks import asking, events, repository, service
from retort_api.tasks.replies import accepted
from retort_core.errors import BadInput, RetortError
from retort_core.http import routes
from retort_core.http.pages import Page
from retort_core.http.tasks import Task, TaskCreate
from retort_core.lifecycle.sources import Answer, Approval

router = APIRouter(tags=["tasks"])
HEARTBEAT_SECONDS = 15.0
BATCH = 200
GONE = "Events after this one are not all kept any more. Look at how things are now, and listen anew without Last-Event-ID."


@router.post(routes.TASKS, operation_id="createTask", status_code=202)
async def create_task(
    scope: DatasetScope,
    body: TaskCreate,
    response: Response,
    idempotency_key: Annotated[str, Header(max_length=200)] = "",
) -> Task:
    if body.source.upload is not None:
        raise BadInput(f"Files are sent as raw bytes to {routes.UPLOADS}, which makes the task itself.")
    if body.source.script is not None:
        await scope.demand(("run", "scripts"))
    if body.conversation:
        await asking.conversation(scope, body.conversation)
    asked = await asking.asked(scope, body.branch)
    task = await service.create(scope.services, asked, body, idempotency_key)
    return accepted(response, scope.project.name, task)


@router.get(routes.TASKS, operation_id="listTasks")
async def list_tasks(scope: DatasetScope, cursor: Cursor = "", limit: Limit = 50) -> Page[Task]:
    before = cursors.number(cursor)
    async with scope.services.database.read() as connection:
        found = await repository.page(connection, scope.dataset.id, before, limit + 1)
    more = cursors.encode(found[limit - 1].seq) if len(found) > limit else ""
    return Page(items=tuple(task.public for task in found[:limit]), next_cursor=more)


@router.get(routes.TASK, operation_id="getTask")
async def get_task(
    scope: ProjectScope,
    task: str,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for its end or its question")] = 0,
) -> Task:
    return (await service.wait(scope.services, scope.project.id, task, wait)).public


@router.post(routes.TASK_ANSWER, operation_id="answerTask")
async def answer_task(scope: ProjectScope, task: str, body: Answer) -> Task:
    record = await service.get(scope.services, scope.project.id, task)
    await asking.own_task(scope, record)
    if body.remember:
        await scope.demand(("update", "conventions"))
    await service.answer(scope.services, scope.project.id, task, body, scope.note)
    return (await service.get(scope.services, scope.project.id, task)).public


@router.post(routes.TASK_APPROVAL, operation_id="approveTask")
async def approve_task(scope: ProjectScope, task: str, body: Approval) -> Task:
    record = await service.get(scope.services, scope.project.id, task)
    protected = await asking.may_approve(scope, record)
    await service.approve(
        scope.services,
        scope.project.id,
        task,
        body,
        service.Yes(by=scope.caller.name, protected=protected),
        scope.note,
    )
    return (await service.get(scope.services, scope.project.id, task)).public


@router.post(routes.TASK_CANCEL, operation_id="cancelTask")
async def cancel_task(scope: ProjectScope, task: str) -> Task:
    await asking.own_task(scope, await service.get(scope.services, scope.project.id, task))
    return (await service.cancel(scope.services, scope.project.id, task, scope.note)).public


STREAM: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/event-stream": {}}}}
LastEventId = Annotated[str, Header(alias="Last-Event-ID", max_length=20)]


@router.get(
    routes.TASK_EVENTS, operation_id="streamTaskEvents", response_class=StreamingResponse, responses=STREAM
)
async def task_events(
    scope: ProjectScope, task: str, request: Request, last_event_id: LastEventId = "0"
) -> StreamingResponse:
    """Ends with the task; resumes after `Last-Event-ID`. 410 when what came after it is not all kept any more."""
    await service.get(scope.services, scope.project.id, task)
    return _stream(scope, request, await _position(scope, last_event_id), task=task)


@router.get(routes.EVENTS, operation_id="streamEvents", response_class=StreamingResponse, responses=STREAM)
async def all_events(
    scope: ProjectScope,
    request: Request,
    last_event_id: LastEventId = "0",
    dataset: Annotated[str, Query(max_length=100)] = "",
) -> StreamingResponse:
    """Resumes after `Last-Event-ID`. 410 when what came after it is not all kept any more."""
    return _stream(scope, request, await _position(scope, last_event_id), dataset=dataset)


async def _position(scope: InProject, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise BadInput("Last-Event-ID is the number of the last event received.")
    async with scope.services.database.single() as connection:
        if not await events.all_kept(connection, int(text)):
            raise HttpProblem(410, GONE)
    return int(text)


def _stream(
    scope: InProject, request: Request, after: int, *, task: str = "", dataset: str = ""
) -> StreamingResponse:
    lines = _events(scope, request, after, task, dataset)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)


async def _events(
    scope: InProject, request: Request, after: int, task: str, dataset: str
) -> AsyncIterator[str]:
    """From the stored log, then as it grows; a comment now and then keeps connections open.

    Whoever is no longer let in hears nothing more: it is asked again every few seconds.
    """
    services, project = scope.services, scope.project.id
    asked = time.monotonic()
    while not await request.is_disconnected():
        if time.monotonic() - asked >= HEARTBEAT_SECONDS:
            try:
                await scope.renew()
            except RetortError:
                return
            asked = time.monotonic()
        heard = services.signal.listen()
        async with services.database.read() as connection:
            found = await events.after(connection, project, after, task=task, dataset=dataset, limit=BATCH)
            record = await repository.find(connection, project, task) if task else None
        for event in found:
            after = event.seq
            yield f"id: {event.seq}\nevent: {event.kind}\ndata: {event.model_dump_json()}\n\n"
        if len(found) == BATCH:
            continue
        if record is not None and record.status.terminal:
            return
        if not await signals.wait(heard, HEARTBEAT_SECONDS):
            yield ": still here\n\n"
