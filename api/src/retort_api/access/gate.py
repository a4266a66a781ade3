"""What a task may do, decided where it would do it: commands, a yes said in words, the move of a branch.

A task keeps what its requester was allowed when asking (`Asker`); losing a role lowers it at once. Whoever may not
change data, and everybody on a protected branch, needs a yes that is on record for exactly this version, from somebody
with the right to give it. Where a branch is moved this is asked again, in the same transaction, whatever way the yes
came: so there is one place that a protected branch depends on.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository as members
from retort_api.access.member_repository import Asker
from retort_api.audit.recorder import Recorder
from retort_api.kit.database import Database
from retort_api.projects.quotas import Quotas
from retort_api.runs.gates import CHANGES, DECIDES, MOVES
from retort_api.tasks.records import TaskRecord
from retort_core.errors import PolicyDenied
from retort_core.lifecycle.sources import Approval, Approver
from retort_core.lifecycle.statuses import TaskStatus
from retort_core.plans import Lang

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "change": (
        "你可以提问和查看；改动数据需要数据分析员或项目管理员。",
        "You may ask and read; changing data takes a data analyst or an administrator of the project.",
    ),
    "protected": (
        "分支「{branch}」受保护，只有项目管理员可以改动它。",
        "Branch “{branch}” is protected: only an administrator of the project may change it.",
    ),
    "object": (
        "请在任务对象上表态（kubectl retort approve）：那里会核对是否有同意的权限。",
        "Say yes or no on the task's object (kubectl retort approve): there the right to is asked for.",
    ),
    "service": (
        "分支和约定请通过服务来改（网页、命令行、HTTP）：那里会核对是否有这个权限。",
        "Make branches and rules by the service (page, command line, HTTP): there the right to is asked for.",
    ),
    "unapproved": (
        "这个版本还没有得到有权限的人的同意，分支「{branch}」没有变化。",
        "Nobody with the right to has said yes to this version; branch “{branch}” stays where it was.",
    ),
}


def refusal(why: str, lang: Lang, branch: str = "") -> PolicyDenied:
    return PolicyDenied(_WORDS[why][0 if lang == "zh" else 1].format(branch=branch), right=why)


class TaskGate:
    """`strangers`: whether a task that came past this service (an object in the cluster) may change data: that of its own branch,
    for which admission asked. What else a command may change admission cannot see, least of all in words."""

    def __init__(self, database: Database, recorder: Recorder, quotas: Quotas, *, strangers: bool) -> None:
        self._database, self._recorder, self._strangers = database, recorder, strangers
        self._quotas = quotas

    async def command(self, task: TaskRecord, verb: str, pending: TaskRecord | None) -> None:
        if verb not in MOVES | CHANGES | DECIDES:
            return
        async with self._database.read() as connection:
            known = await members.asker(connection, task.uid)
            asker = known or self._stranger(task)
            about = pending if verb in DECIDES and pending is not None else task
            protected = await members.is_protected(connection, about.dataset, about.branch)
        own = about is not task and about.requester == task.requester
        if verb == "reject" and own:
            return
        if not asker.change:
            raise refusal("change", task.lang)
        if known is None and verb in CHANGES:
            raise refusal("service", task.lang)
        if known is None and verb in DECIDES and pending is not None:
            raise refusal("object", task.lang)
        if protected and verb not in CHANGES and not asker.protected:
            raise refusal("protected", task.lang, about.branch)

    async def approved(
        self, connection: AsyncConnection, task: TaskRecord, pending: TaskRecord, approval: Approval
    ) -> None:
        if approval.approved:
            asker = await self._asker(connection, task)
            await members.say_yes(
                connection, pending.uid, approval.commit, task.requester, protected=asker.protected
            )

    async def said(
        self, connection: AsyncConnection, task: TaskRecord, approval: Approval, approver: Approver | None
    ) -> bool:
        protected = await members.is_protected(connection, task.dataset, task.branch)
        if approval.approved and protected and not (approver is not None and approver.protected):
            return False
        if approval.approved and approver is not None:
            await members.say_yes(
                connection, task.uid, approval.commit, approver.name, protected=approver.protected
            )
        await self._recorder.said(connection, task, approval, approver.name if approver is not None else "")
        return True

    async def stores(self, connection: AsyncConnection, project: str) -> None:
        await self._quotas.room(connection, project)

    async def promoted(self, connection: AsyncConnection, task: TaskRecord, commit: str) -> None:
        asker = await self._asker(connection, task)
        protected = await members.is_protected(connection, task.dataset, task.branch)
        if asker.change and not protected:
            return
        if not await members.has_yes(connection, task.uid, commit, protected=protected):
            raise refusal("unapproved", task.lang, task.branch)

    async def ended(self, connection: AsyncConnection, task: TaskRecord, status: TaskStatus) -> None:
        await self._recorder.task_ended(connection, task, status)

    async def _asker(self, connection: AsyncConnection, task: TaskRecord) -> Asker:
        return await members.asker(connection, task.uid) or self._stranger(task)

    def _stranger(self, task: TaskRecord) -> Asker:
        return Asker(
            task=task.uid, project=task.project, name=task.requester, change=self._strangers, protected=False, facts={}
        )  # fmt: skip
