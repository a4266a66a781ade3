"""The situation a task speaks about: its version's schema and profile, what was done before, what is open."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from retort_api.commits import results
from retort_api.commits.log import CommitLog
from retort_api.commits.records import CommitRecord
from retort_api.commits.results import ResultRecord
from retort_api.conventions import repository as conventions
from retort_api.conventions.choices import Kept, rules
from retort_api.datasets import repository as datasets
from retort_api.kit.database import Database
from retort_api.runs.library import Library
from retort_api.runs.work import Work
from retort_api.tasks import repository as tasks
from retort_api.tasks.records import TaskRecord
from retort_core.plans import Lang, Question, Suggestion
from retort_core.profiles import Profile
from retort_core.schema import Schema
from retort_planner.requests import Request, Turn

TURNS_KEPT = 200
SUGGESTED_KEPT = 64  # versions
Suggest = Callable[[Schema, Profile, Lang], tuple[Suggestion, ...]]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """`pending`: the task of this conversation that waits for an answer or a yes."""

    base: CommitRecord
    head: str
    schema: Schema
    profile: Profile
    history: tuple[Turn, ...]
    suggestions: tuple[Suggestion, ...]
    remembered: Kept
    dataset_name: str
    pending: TaskRecord | None = None

    @property
    def question(self) -> Question | None:
        if self.pending is None or self.pending.status.question is None:
            return None
        return Work.model_validate(self.pending.work).question

    def request(self, text: str, lang: Lang, now: datetime, question: Question | None = None) -> Request:
        return Request(
            text=text,
            schema=self.schema,
            profile=self.profile,
            history=self.history,
            pending=question if question is not None else self.question,
            suggestions=self.suggestions,
            conventions=rules(self.remembered),
            today=now.date(),
            lang=lang,
            source=self.dataset_name,
        )


class Situations:
    def __init__(self, database: Database, log: CommitLog, library: Library, suggest: Suggest) -> None:
        self._database, self._log, self._library, self._suggest = database, log, library, suggest
        self._suggested: OrderedDict[tuple[str, Lang], tuple[Suggestion, ...]] = OrderedDict()

    async def of(self, task: TaskRecord) -> Situation:
        """The base is a version; tasks without one (first imports) have no situation."""
        base = await self._log.get(task.dataset, task.status.base_commit)
        schema = await self._library.schema(base.snapshot)
        profile = await self._library.profile(base.snapshot)
        async with self._database.read() as connection:
            dataset = await datasets.by_id(connection, task.dataset)
            kept = await conventions.of_project(connection, task.project)
            pending = (
                await tasks.waiting(connection, task.dataset, task.conversation)
                if task.conversation
                else None
            )
            answers = (
                await results.of_conversation(connection, task.dataset, task.conversation)
                if task.conversation
                else []
            )
        return Situation(
            base=base,
            head=await self._log.head(task.dataset, task.branch),
            schema=schema,
            profile=profile,
            history=await self._history(task, base, answers),
            suggestions=await self._suggestions(base.snapshot, schema, profile, task),
            remembered=kept,
            dataset_name=dataset.name if dataset is not None else "",
            pending=pending if pending is not None and pending.uid != task.uid else None,
        )

    async def _suggestions(
        self, key: str, schema: Schema, profile: Profile, task: TaskRecord
    ) -> tuple[Suggestion, ...]:
        """For words, which may mean one of them; of a version they are always the same."""
        if task.source.plan is not None or task.source.restore is not None:
            return ()
        name = (key, task.lang)
        if name not in self._suggested:
            self._suggested[name] = await asyncio.to_thread(self._suggest, schema, profile, task.lang)
            while len(self._suggested) > SUGGESTED_KEPT:
                self._suggested.popitem(last=False)
        return self._suggested[name]

    async def _history(
        self, task: TaskRecord, base: CommitRecord, answers: list[ResultRecord]
    ) -> tuple[Turn, ...]:
        """Versions that lead to the base, those undone from it, and this conversation's answers, oldest first."""
        walked = await self._log.walk(task.dataset, task.branch)
        line = await self._log.line(task.dataset, base.id, TURNS_KEPT)
        undone = [await self._log.get(task.dataset, tip) for tip in walked.forward[-TURNS_KEPT:]]
        timed = [(commit.created_at, _turn(commit)) for commit in line]
        timed += [(c.created_at, _turn(c, undone=True)) for c in undone if c not in line]
        timed += [(answer.created_at, _answer_turn(answer)) for answer in answers]
        timed.sort(key=lambda pair: pair[0])
        return tuple(turn for _, turn in timed[-TURNS_KEPT:])


def _turn(commit: CommitRecord, *, undone: bool = False) -> Turn:
    return Turn(
        instruction=commit.instruction,
        title=commit.title,
        commit=commit.id,
        parent=commit.parent,
        steps=commit.plan.steps if commit.plan is not None else (),
        undone=undone,
        rows_before=commit.counts.rows_before,
        rows_after=commit.counts.rows_after,
    )


def _answer_turn(answer: ResultRecord) -> Turn:
    table = answer.parts.get("table")
    return Turn(
        instruction=answer.title,
        title=answer.title,
        parent=answer.commit,
        steps=answer.plan.steps if answer.plan is not None else (),
        read_only=True,
        result=answer.id,
        columns=table.table_schema.names if table is not None else (),
    )
