"""Looking at a process: what it measures with, the second port, and what counts as up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from retort_api.app import VERSION
from retort_api.kit.database import Database
from retort_api.kit.watching.health import Health
from retort_api.kit.watching.metrics import Metrics
from retort_api.kit.watching.page import Refresh, watch_app
from retort_api.kit.watching.settings import WatchSettings
from retort_api.kit.watching.tracing import tracing
from retort_api.kit.watching.watch import Watch
from retort_api.mains.serving import Listener, beside, listening
from retort_api.tasks import activity_repository as activity
from retort_api.tasks.records import TaskRecord
from retort_core.lifecycle.statuses import TaskStatus
from retort_planner.model.calls import Call, Told
from retort_tables.objects.port import ObjectStore

log = structlog.get_logger(__name__)
DAY: Final = timedelta(hours=24)
NO_OBJECT: Final = "0" * 64  # asked for to see whether the store answers


@asynccontextmanager
async def watching(part: str, *, people: bool) -> AsyncIterator[Watch]:
    """`part`: what the process is called among traces; `people`: whether they log in here, so that requests leave lines."""
    wanted = WatchSettings().log_requests
    async with tracing(f"retort-{part}", VERSION) as traced:
        yield Watch(tracing=traced, log_requests=people if wanted is None else wanted)


@asynccontextmanager
async def metrics_listener(
    settings: WatchSettings, metrics: Metrics, health: Health, refresh: Refresh | None = None
) -> AsyncIterator[None]:
    """The second port, while the block lasts; nothing without RETORT_METRICS_PORT."""
    try:
        if settings.metrics_port is None:
            yield
            return
        with listening(settings.metrics_host, settings.metrics_port) as bound:
            log.info("watched", host=settings.metrics_host, port=bound.getsockname()[1])
            async with beside(Listener(app=watch_app(metrics, health, refresh), socket=bound)):
                yield
    finally:
        await health.close()


def health_of(database: Database, objects: ObjectStore) -> Health:
    async def records() -> None:
        async with database.read() as connection:
            await activity.ping(connection)

    async def store() -> None:
        await asyncio.to_thread(objects.exists, NO_OBJECT)

    return Health({"database": records, "objects": store}, shared=("objects",))


def last_day(database: Database) -> Refresh:
    async def read(metrics: Metrics) -> None:
        async with database.read() as connection:
            found = await activity.since(connection, datetime.now(UTC) - DAY)
        metrics.last_day(found.users, found.outcomes)

    return read


def heard(metrics: Metrics) -> Told:
    def told(call: Call) -> None:
        metrics.model_call(call.outcome, call.seconds, call.tokens_in, call.tokens_out)

    return told


def counted(metrics: Metrics) -> Callable[[TaskRecord, TaskStatus], None]:
    """Told of every task that ends, in its last transaction: one that the server runs again counts twice."""

    def told(task: TaskRecord, status: TaskStatus) -> None:
        failure, usage = status.failure, status.usage
        outcome = "complete" if failure is None else failure.failure.lower()
        seconds = (datetime.now(UTC) - task.created_at).total_seconds()
        stages = {"run": usage.run_seconds, "intake": usage.intake_seconds}
        metrics.task_over(task.source.kind, outcome, seconds, stages)

    return told
