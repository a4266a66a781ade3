"""Routes of the internal listeners: the API's for the operator, the broker's for runs. Never on the public one."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from retort_api.cluster.attempts import Attempts
from retort_api.cluster.service import TaskDesk
from retort_api.kit import signals
from retort_api.kit.database import Database
from retort_api.kit.problems import HttpProblem
from retort_api.kit.signals import Signal
from retort_api.kit.watching.health import Health
from retort_api.tasks import events
from retort_core.http import internal as routes
from retort_core.http.internal import AttemptPut, CommitFeed, OpenTasks, TaskPut, TaskSeen

HEARTBEAT_SECONDS: Final = 10.0
BATCH: Final = 500


@dataclass(frozen=True, kw_only=True)
class Internal:
    """What the internal routes work with; `desk` in the API, `attempts` in the broker. `token`: who knows it may ask."""

    token: str
    database: Database
    signal: Signal
    desk: TaskDesk | None = None
    attempts: Attempts | None = None
    health: Health = field(default_factory=lambda: Health({}))


async def admitted(request: Request, authorization: Annotated[str, Header(max_length=4096)] = "") -> Internal:
    found: Internal = request.app.state.internal
    if not hmac.compare_digest(authorization.encode(), f"Bearer {found.token}".encode()):
        raise HttpProblem(401, "This listener is for parts of this installation only.")
    return found


Known = Annotated[Internal, Depends(admitted)]
tasks = APIRouter()
runs = APIRouter()


def _desk(known: Internal) -> TaskDesk:
    assert known.desk is not None
    return known.desk


@tasks.put(routes.TASK)
async def put_task(known: Known, uid: str, body: TaskPut) -> TaskSeen:
    if uid != body.task.uid:
        raise HttpProblem(400, "The path and the body name different tasks.")
    return await _desk(known).put(body)


@tasks.get(routes.TASK)
async def get_task(known: Known, uid: str) -> TaskSeen:
    return await _desk(known).get(uid)


@tasks.delete(routes.TASK, status_code=204)
async def delete_task(known: Known, uid: str) -> Response:
    await _desk(known).gone(uid)
    return Response(status_code=204)


@tasks.get(routes.TASKS)
async def open_tasks(
    known: Known,
    after: Annotated[str, Query(pattern="^[0-9]{0,18}$")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> OpenTasks:
    return await _desk(known).open(after, limit)


@tasks.get(routes.COMMITS)
async def commits(
    known: Known, after: Annotated[int, Query(ge=0)] = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> CommitFeed:
    return await _desk(known).commits(after, limit)


@tasks.get(routes.EVENTS, response_class=StreamingResponse)
async def stream(
    known: Known, request: Request, after: Annotated[int | None, Query(ge=0)] = None
) -> StreamingResponse:
    if after is None:
        async with known.database.single() as connection:
            after = await events.latest(connection)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_lines(known, request, after), media_type="text/event-stream", headers=headers)


async def _lines(known: Internal, request: Request, after: int) -> AsyncIterator[str]:
    while not await request.is_disconnected():
        heard = known.signal.listen()
        async with known.database.single() as connection:
            found = await events.internal_after(connection, after, BATCH)
        for event in found:
            after = event.seq
            yield f"id: {event.seq}\ndata: {event.model_dump_json()}\n\n"
        if len(found) < BATCH and not await signals.wait(heard, HEARTBEAT_SECONDS):
            yield ": still here\n\n"


@runs.put(routes.ATTEMPT, status_code=202)
async def put_attempt(known: Known, uid: str, attempt: int, body: AttemptPut) -> Response:
    assert known.attempts is not None
    await known.attempts.put(uid, attempt, body)
    return Response(status_code=202)
