"""Writes the audit: what was done in the transaction of the act, what was refused in one of its own."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from pydantic import JsonValue
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository
from retort_api.access.authoriser import Caller
from retort_api.audit import acts, repository
from retort_api.audit.acts import Act
from retort_api.kit.database import Database
from retort_api.projects import repository as projects
from retort_api.tasks.records import TaskRecord
from retort_core.auditing import Line, link
from retort_core.errors import RetortError
from retort_core.identity import canonical_json
from retort_core.lifecycle.sources import Approval
from retort_core.lifecycle.statuses import TaskStatus

log = structlog.get_logger(__name__)
# What a failed task would have been answered with over HTTP; the rest went wrong by itself. Words that the planner
# declines are refused to everybody alike: that is no matter of rights.
_CODES = {"Policy": 422, "Input": 422, "Data": 422, "Limit": 413, "Cancelled": 409}
_DENIED = frozenset({"denied", "project-rebound"})


class Recorder:
    def __init__(
        self,
        database: Database,
        seal: bytes,
        model: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`seal`: the service's secret under every head; `model`: the language model that plans, if there is one."""
        self._database, self._seal, self._model, self._now = database, seal, model, now

    async def done(
        self,
        connection: AsyncConnection,
        act: Act,
        name: str = "",
        code: int = 200,
        reason: str = "",
        facts: dict[str, JsonValue] | None = None,
    ) -> None:
        now = self._now()
        found = acts.event(act, code, now, name, reason, facts or {})
        await self._append(connection, act.project, found, now)
        act.noted.append(act.verb)

    async def refused(self, act: Act, code: int, reason: str) -> None:
        """Never fails: what was refused stays refused when the audit cannot be written."""
        try:
            await self._database.transact(
                lambda connection: self.done(connection, act, code=code, reason=reason)
            )
        except (SQLAlchemyError, RetortError):
            log.exception("refusal_not_recorded", path=act.path[: acts.LONGEST], code=code)

    async def task_ended(self, connection: AsyncConnection, task: TaskRecord, status: TaskStatus) -> None:
        """What came of a task, with the version before and after: in the transaction that moved the branch."""
        asker = await member_repository.asker(connection, task.uid)
        facts = asker.facts if asker is not None else {}
        act = Act(
            id=uuid.uuid4().hex, at=task.created_at, verb="run", resource="tasks", path="", project=task.project,
            addresses=tuple(facts.get("addresses", ())), caller=Caller(name=task.requester), dataset=task.dataset,
            namespace=await projects.name_of(connection, task.project),
        )  # fmt: skip
        failure, result = status.failure, status.result
        code = (
            200 if failure is None else 403 if failure.code in _DENIED else _CODES.get(failure.failure, 500)
        )
        found = acts.event(act, code, self._now(), task.uid, failure.code if failure is not None else "", {})
        found["user"] = facts.get("user", {"username": task.requester})
        instruction = task.source.instruction
        planner = status.plan.planner if status.plan is not None else ""
        own: dict[str, JsonValue] = {
            "dataset": task.dataset,
            "task": task.uid,
            "source": task.source.kind,
            "branch": result.branch if result is not None else task.branch,
            "commitBefore": result.parent if result is not None else status.base_commit,
            "commitAfter": result.commit if result is not None else "",
            "planner": planner,
            "model": self._model if planner == "model" else "",
            "promptHash": acts.words(instruction.text if instruction is not None else ""),
        }
        found["retort"] = {key: value for key, value in own.items() if value}
        await self._append(connection, task.project, found, self._now())

    async def said(
        self, connection: AsyncConnection, task: TaskRecord, approval: Approval, name: str
    ) -> None:
        """A yes or no that came with the task's object, past every route; `name`: whose, as admission knows them."""
        act = Act(
            id=uuid.uuid4().hex, at=self._now(), verb="approve", resource="tasks", path="", project=task.project,
            caller=Caller(name=name, kind="kubernetes") if name else None, dataset=task.dataset,
            namespace=await projects.name_of(connection, task.project),
        )  # fmt: skip
        facts: dict[str, JsonValue] = {
            "task": task.uid, "branch": task.branch, "commit": approval.commit, "approved": approval.approved,
        }  # fmt: skip
        await self.done(connection, act, name=task.uid, facts=facts)

    async def _append(
        self, connection: AsyncConnection, chain: str, found: dict[str, JsonValue], at: datetime
    ) -> None:
        event = canonical_json(acts.harmless(found))
        head = await repository.lane(connection, chain)
        seq = head.seq + 1
        line = Line(
            chain=chain, lane=head.lane, seq=seq, previous=head.hash, event=event,
            hash=link(chain, head.lane, seq, head.hash, event),
        )  # fmt: skip
        await repository.append(connection, line, at, self.seal(chain, head.lane, seq, line.hash))

    def seal(self, chain: str, lane: int, seq: int, last: str) -> str:
        return hmac.new(self._seal, f"{chain} {lane} {seq} {last}".encode(), "sha256").hexdigest()

    def sealed(self, head: repository.Head) -> bool:
        return hmac.compare_digest(head.seal, self.seal(head.chain, head.lane, head.seq, head.hash))
