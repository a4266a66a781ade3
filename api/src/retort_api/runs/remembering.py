"""以后都这样: answers that hold from now on in a project, what is remembered, and forgetting it again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits.log import CommitLog
from retort_api.conventions import repository
from retort_api.conventions.choices import Kept, meant, public, rememberable
from retort_api.kit.database import Database
from retort_api.runs.sentences import say
from retort_api.runs.situation import Situation
from retort_api.runs.verdicts import Verdict
from retort_api.runs.work import Work
from retort_api.tasks import repository as tasks
from retort_api.tasks.records import TaskRecord
from retort_core.lifecycle.statuses import Outcome
from retort_core.plans import Lang

RECENT = 50  # tasks of a conversation among which the last answer is looked for
Verb = Callable[[TaskRecord, Situation, dict[str, Any]], Awaitable[Verdict]]


def answered(work: Work) -> Kept:
    """What the task's answer, by a click or in words, lets one remember."""
    return rememberable(work.question, work.choice) if work.question is not None and work.choice else {}


class Remembering:
    """The commands `remember`, `conventions` and `forget`."""

    def __init__(self, database: Database, log: CommitLog) -> None:
        self._database, self._log = database, log
        self.verbs: dict[str, Verb] = {
            "remember": self._remember,
            "conventions": self._list,
            "forget": self._forget,
        }

    async def _remember(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        """The last answer of this conversation that can be remembered."""
        del situation, args
        async with self._database.read() as connection:
            recent = (
                await tasks.of_conversation(connection, task.dataset, task.conversation, RECENT)
                if task.conversation
                else []
            )
        for earlier in reversed(recent):
            found = answered(Work.model_validate(earlier.work)) if earlier.work else {}
            if found:
                return _kept(task, found)
        return Verdict(message=say("nothing-to-remember", task.lang))

    async def _list(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        del args
        known = public(situation.remembered)
        data: dict[str, Any] = {
            "verb": "conventions",
            "conventions": [one.model_dump(mode="json") for one in known],
        }
        done = Outcome(commit=situation.head, branch=task.branch, data=data)
        if not known:
            return Verdict(done=done, message=say("no-conventions", task.lang))
        lines = [f"{n}. {_line(one.question, one.label)}" for n, one in enumerate(known, 1)]
        listed = ("；" if task.lang == "zh" else "; ").join(lines)
        return Verdict(done=done, message=say("conventions", task.lang, count=len(known), listed=listed))

    async def _forget(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        which = str(args.get("which", ""))
        keys = meant(situation.remembered, which)
        if not keys or (len(keys) > 1 and which != "*"):
            name = "no-such-convention" if situation.remembered else "no-conventions"
            return Verdict(message=say(name, task.lang, which=which, count=len(situation.remembered)))
        gone = [situation.remembered[key] for key in keys]
        listed = _joined([_line(one.get("question", ""), one.get("label", "")) for one in gone], task.lang)

        async def act(connection: AsyncConnection) -> None:
            await repository.forget(connection, task.project, keys)

        return Verdict(message=say("forgotten", task.lang, listed=listed), act=act)


def _kept(task: TaskRecord, found: Kept) -> Verdict:
    async def act(connection: AsyncConnection) -> None:
        await repository.remember(connection, task.project, found)

    listed = _joined([_line(one["question"], one["label"]) for one in found.values()], task.lang)
    return Verdict(message=say("remembered", task.lang, listed=listed), act=act)


def _line(question: str, label: str) -> str:
    return f"{question} → {label}" if question else label


def _joined(lines: list[str], lang: Lang) -> str:
    return ("；" if lang == "zh" else "; ").join(lines)
