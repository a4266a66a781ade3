"""Execution: prepared work in a claimed sandbox, up to a staged version or a stored answer.

Everything a run makes lies in the object store before one transaction names it: the commits of the run, the staging
ref, the task's reply and what is decided from it. A crash before leaves unreferenced objects, after it nothing to do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits import results
from retort_api.commits.log import CommitLog
from retort_api.commits.results import ResultRecord
from retort_api.kit.database import Database
from retort_api.projects import quota_repository as quotas
from retort_api.runs.library import Library
from retort_api.runs.making.staging import Staging
from retort_api.runs.rebasing import Rebase, Rebasing, misfit, on
from retort_api.runs.rides import Ride
from retort_api.runs.sentences import say
from retort_api.runs.work import Work, maker
from retort_api.tasks.records import TaskRecord
from retort_core.errors import BadInput, DataError, StepError
from retort_core.identity import short
from retort_core.lifecycle.observations import Ran
from retort_core.lifecycle.statuses import Outcome
from retort_core.names import staging as staging_ref

Maker = Callable[[Staging, Ride], Awaitable[Ran | ResultRecord]]


class Execution:
    """`makers`: who makes what, by `maker` of the work."""

    def __init__(
        self,
        database: Database,
        log: CommitLog,
        library: Library,
        rebasing: Rebasing,
        makers: Mapping[str, Maker],
    ) -> None:
        self._database, self._log, self._library = database, log, library
        self._rebasing, self._makers = rebasing, makers

    async def __call__(self, task: TaskRecord, attempt: int, ride: Ride, settle: Any) -> Ran | None:
        """The reply, or None when it was settled in the transaction that stored the run's versions."""
        work, rebase = Work.model_validate(task.work), await self._rebasing.begin(task)
        staging = Staging(task, on(work, rebase) if rebase is not None else work, attempt, rebase)
        if rebase is None:
            ran = await self._made(staging, ride)
        else:
            ran = await self._made_again(staging, ride, rebase)
        if isinstance(ran, ResultRecord):
            await self._keep_answer(staging, ran, ride, settle)
            return None
        if not staging.records or ran.staged is None:
            return ran
        await self._stage(staging, ran, ride, settle)
        return None

    async def _made(self, staging: Staging, ride: Ride) -> Ran | ResultRecord:
        make = self._makers.get(maker(staging.work))
        if make is None:
            raise BadInput(f"there is nothing to run for work of kind {staging.work.kind!r}")
        return await make(staging, ride)

    async def _made_again(self, staging: Staging, ride: Ride, rebase: Rebase) -> Ran | ResultRecord:
        """On a head that moved meanwhile."""
        task = staging.task
        try:
            ran = await self._made(staging, ride)
        except (StepError, DataError, BadInput) as error:
            raise misfit(task, rebase, error) from None
        if staging.records:
            await self._rebasing.check(task, rebase, staging.records[-1].snapshot)
        if isinstance(ran, ResultRecord) or (ran.staged is not None and ran.staged.code):
            return ran  # what waits for a yes says why; that it was done again is told with the result
        again = say("rebased", task.lang, head=short(rebase.onto.id))
        return ran.model_copy(update={"message": f"{ran.message} {again}"})

    async def _stage(self, staging: Staging, ran: Ran, ride: Ride, settle: Any) -> None:
        async def also(connection: AsyncConnection) -> None:
            await quotas.add(connection, staging.task.project, "version", ride.stored)
            await settle(connection, ran)

        await self._log.publish(
            staging.records, staging_ref(staging.task.uid), expect=None, kind="staging", also=also
        )
        self._library.soon(staging.records[-1].snapshot)

    async def _keep_answer(self, staging: Staging, record: ResultRecord, ride: Ride, settle: Any) -> None:
        task = staging.task
        outcome = Outcome(result=record.id, branch=task.branch, parent=record.commit)
        ran = Ran(attempt=staging.attempt, done=outcome, message=say("answered", task.lang))

        async def keeping(connection: AsyncConnection) -> None:
            if await results.of_dataset(connection, task.dataset, record.id) is None:
                await results.add(connection, record)
                await quotas.add(connection, task.project, "result", ride.stored)
            await settle(connection, ran)

        await self._database.transact(keeping)
