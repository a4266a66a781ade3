"""Preparation: from a task's source to work that can run, a question, a finished command, or a refusal.

The planner is waited for beside the event loop (`mains.planners`); it sees words, schema, profile and history, never rows. What comes out passes the
same simulation whoever planned it, so a plan that is accepted can only fail on values.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from retort_api.commits.log import CommitLog
from retort_api.runs.commands import Commands
from retort_api.runs.gates import CHANGES, DECIDES, MOVES
from retort_api.runs.library import invalid_names
from retort_api.runs.sentences import say
from retort_api.runs.situation import Situation, Situations
from retort_api.runs.verdicts import Verdict
from retort_api.runs.work import Import, Work
from retort_api.tasks.records import TaskRecord
from retort_core.errors import BadInput, NotFound, PolicyDenied
from retort_core.identity import plan_digest, script_digest, short
from retort_core.lifecycle.observations import Prepared
from retort_core.lifecycle.sources import Answer, PlanSource, ScriptSource, UploadSource
from retort_core.lifecycle.statuses import AskedQuestion, Failure, PlannedWork
from retort_core.plans import Command, Declined, Lang, Outcome, Plan, Planned, Question, Script
from retort_planner.requests import Request
from retort_plans.explanations import explain
from retort_plans.grounding import ground
from retort_plans.screening import screen
from retort_plans.scripts import build_script
from retort_plans.simulation import simulate

Planner = Callable[[Request], Awaitable[Outcome]]
MOST_HOPS = 4  # a command may lead to a plan, that is as deep as it goes


@dataclass(frozen=True, kw_only=True)
class Readied:
    """What preparation found: the reply, the work to keep, and (commands) what to do in the same transaction."""

    reply: Prepared
    work: Work
    verdict: Verdict | None = None
    choice: str = ""  # what was answered to the open question
    remember: bool = False  # and that it holds from now on


@dataclass(frozen=True)
class _Said:
    """An outcome, and (of an answer) what was chosen and whether it is to be remembered."""

    outcome: Outcome
    choice: str = ""
    remember: bool = False


def _scripted(plan: Plan, situation: Situation, lang: Lang) -> tuple[Script, bool]:
    """The script of a plan that fits the schema, and whether it only answers."""
    simulation = simulate(plan, situation.schema)
    invalid = invalid_names(situation.schema, situation.profile)
    grounded = ground(plan, situation.schema, situation.profile)
    return build_script(grounded, situation.schema, invalid, lang), simulation.yields == "answer"


# Who answers somebody else's question has the rights for that, and the task those of its requester: so an answer is none of these.
NO_ANSWER: Final = MOVES | CHANGES | DECIDES | {"switch"}


def _only_answered(question: Question, lang: Lang) -> Question:
    """The same question once more, with what can be said to it."""
    note = say("only-answers", lang)
    text = question.text if question.text.startswith(note) else f"{note} {question.text}"
    return question.model_copy(update={"text": text})


class Preparation:
    def __init__(self, planner: Planner, situations: Situations, log: CommitLog, commands: Commands) -> None:
        self._planner, self._situations, self._log, self._commands = planner, situations, log, commands

    async def __call__(self, task: TaskRecord) -> Readied:
        source = task.source
        if source.upload is not None:
            return await self._upload(task, source.upload)
        if not task.status.base_commit:
            raise BadInput(say("base-missing", task.lang))
        if source.script is not None:
            return await self._script(task, source.script)
        situation = await self._situations.of(task)
        if source.restore is not None:
            return self._restore(
                task, situation, await self._log.resolve(task.dataset, source.restore.commit)
            )
        said = await self._outcome(task, situation)
        readied = await self._settle(task, situation, said.outcome)
        return replace(readied, choice=said.choice, remember=said.remember)

    async def _outcome(self, task: TaskRecord, situation: Situation) -> _Said:
        if task.answer is not None and task.work:
            question = Work.model_validate(task.work).question
            if question is not None:
                return await self._answered(task, situation, question, task.answer)
        if task.source.instruction is not None:
            text = task.source.instruction.text
            return _Said(await self._asked_planner(task, situation, text, None))
        if task.source.plan is not None:
            return _Said(_as_planned(task.source.plan))
        assert task.source.command is not None
        return _Said(task.source.command)

    async def _asked_planner(
        self, task: TaskRecord, situation: Situation, text: str, question: Question | None
    ) -> Outcome:
        request = situation.request(text, task.lang, datetime.now(UTC), question)
        return await self._planner(request)

    async def _answered(
        self, task: TaskRecord, situation: Situation, question: Question, answer: Answer
    ) -> _Said:
        """A click needs no second planning; words are planned with the question in view."""
        choice, remember = answer.choice, answer.remember
        if not choice:
            outcome = await self._asked_planner(task, situation, answer.text, question)
            if isinstance(outcome, Command) and outcome.verb in NO_ANSWER:
                return _Said(_only_answered(question, task.lang))
            if not isinstance(outcome, Command) or outcome.verb != "answer":
                return _Said(outcome)
            choice = str(outcome.args.get("choice", ""))
            if outcome.args.get("remember") and not remember:
                remember = await self._may_remember(task)
        outcome = await self._chosen(task, situation, question, choice)
        return _Said(outcome, choice, remember)

    async def _may_remember(self, task: TaskRecord) -> bool:
        """What words ask for in passing is left out where it may not be done; the answer itself counts."""
        with suppress(PolicyDenied):
            await self._commands.allow(task, "remember")
            return True
        return False

    async def _chosen(
        self, task: TaskRecord, situation: Situation, question: Question, choice: str
    ) -> Outcome:
        candidate = next((one for one in question.candidates if one.choice == choice), None)
        if candidate is None:
            offered = ", ".join(one.choice for one in question.candidates)
            raise BadInput(f"{choice!r} is none of the choices offered: {offered}.", choices=offered)
        if candidate.command is not None:
            return candidate.command
        if candidate.instruction:
            return await self._asked_planner(task, situation, candidate.instruction, None)
        if candidate.plan is None:
            return Declined(reason=say("unchanged", task.lang))
        return Planned(plan=candidate.plan, base=question.base)

    async def _settle(self, task: TaskRecord, situation: Situation, outcome: Outcome) -> Readied:
        verdict: Verdict | None = None
        for _ in range(MOST_HOPS):
            match outcome:
                case Planned():
                    return await self._planned(task, situation, outcome)
                case Question():
                    return _asked(task, outcome)
                case Declined():
                    return _declined(task, outcome)
                case Command():
                    verdict = await self._commands(task, situation, outcome)
                    if verdict.outcome is None:
                        return self._commanded(task, verdict)
                    outcome = verdict.outcome
        raise BadInput("these words lead from one command to the next; say what should happen to the data")

    def _commanded(self, task: TaskRecord, verdict: Verdict) -> Readied:
        round_ = task.status.round
        if verdict.work is not None:
            ready = PlannedWork(digest="", title=verdict.work.title)
            return Readied(reply=Prepared(round=round_, ready=ready), work=verdict.work, verdict=verdict)
        reply = Prepared(round=round_, done=verdict.done, message=verdict.message)
        return Readied(reply=reply, work=Work(kind="none"), verdict=verdict)

    async def _planned(self, task: TaskRecord, situation: Situation, planned: Planned) -> Readied:
        """Checked on the schema it will run on; on a result that is the run's business, which has the schema."""
        correction = bool(planned.base) and planned.base != situation.base.id
        work = Work(
            kind="plan",
            title=planned.plan.title,
            instruction=instruction_of(task),
            planner=planned.planner,
            base=planned.base or situation.base.id,
            expect=situation.head if correction else _expected(task, situation),
            why="correction" if correction else "commit",
            plan=planned.plan,
            result=planned.result,
        )
        script: Script | None = None
        read_only = bool(planned.result)
        if not correction and not planned.result:
            # A thread: a plan of 64 KiB on thousands of columns takes seconds, and others are served meanwhile.
            script, read_only = await asyncio.to_thread(_scripted, planned.plan, situation, task.lang)
        ready = planned_work(planned, task, read_only=read_only)
        reply = Prepared(round=task.status.round, ready=ready, message=planned.plan.title)
        return Readied(reply=reply, work=work.model_copy(update={"script": script}))

    async def _script(self, task: TaskRecord, source: ScriptSource) -> Readied:
        await asyncio.to_thread(screen, source.source)
        title = source.title or say("script-title", task.lang)
        script = Script(source=source.source, rows="aligned", yields="version")
        work = Work(
            kind="script",
            title=title,
            planner="person",
            instruction=title,
            base=task.status.base_commit,
            expect=await self._log.head(task.dataset, task.branch),
            script=script,
        )
        ready = PlannedWork(digest=script_digest(source.source), title=title)
        return Readied(reply=Prepared(round=task.status.round, ready=ready, message=title), work=work)

    async def _upload(self, task: TaskRecord, source: UploadSource) -> Readied:
        title = say(
            {"append": "append-title", "corrected": "corrected-title", "codebook": "codebook-title"}.get(
                source.mode, "import-title"
            ),
            task.lang,
            filename=source.filename,
        )
        head = await self._log.head(task.dataset, task.branch)
        load = Import(upload=source.upload, mode=source.mode, key=source.key, options=source.options)
        work = Work(
            kind="import",
            title=title,
            instruction=title,
            planner="person",
            base=task.status.base_commit,
            expect=head,
            load=load,
        )
        ready = PlannedWork(digest="", title=title)
        return Readied(reply=Prepared(round=task.status.round, ready=ready, message=title), work=work)

    def _restore(self, task: TaskRecord, situation: Situation, commit: str) -> Readied:
        if commit == situation.head:
            raise NotFound(say("unchanged", task.lang))
        title = say("restore-title", task.lang, head=short(commit))
        work = Work(
            kind="restore",
            title=title,
            instruction=title,
            planner="person",
            base=situation.base.id,
            expect=situation.head,
            restore=commit,
        )
        reply = Prepared(round=task.status.round, ready=PlannedWork(digest="", title=title), message=title)
        return Readied(reply=reply, work=work)


def instruction_of(task: TaskRecord) -> str:
    """The words verbatim; what was clicked or sent as a plan has its title."""
    if task.source.instruction is not None:
        return task.source.instruction.text
    return task.source.plan.plan.title if task.source.plan is not None else ""


def _as_planned(source: PlanSource) -> Planned:
    return Planned(plan=source.plan, result=source.result)


def planned_work(planned: Planned, task: TaskRecord, *, read_only: bool) -> PlannedWork:
    plan: Plan = planned.plan
    steps: tuple[dict[str, Any], ...] = tuple(step.model_dump(mode="json") for step in plan.steps)
    return PlannedWork(
        digest=plan_digest(plan.model_dump(mode="json")),
        title=plan.title,
        steps=steps,
        explanation=explain(plan, task.lang),
        assumptions=plan.assumptions,
        alternatives=planned.alternatives,
        planner=planned.planner,
        read_only=read_only,
    )


def _asked(task: TaskRecord, question: Question) -> Readied:
    asked = AskedQuestion(
        id=f"{task.uid[:12]}-{task.status.round}",
        text=question.text,
        slots=question.slots,
        remember=bool(question.convention),
    )
    reply = Prepared(round=task.status.round, asked=asked, message=question.text)
    return Readied(reply=reply, work=Work(kind="none", question=question))


def _declined(task: TaskRecord, declined: Declined) -> Readied:
    message = f"{declined.reason} {declined.nearest}".strip()
    failure = Failure(
        failure="Input", code="declined", message=message, details={"nearest": declined.nearest}
    )
    return Readied(reply=Prepared(round=task.status.round, failure=failure), work=Work(kind="none"))


def _expected(task: TaskRecord, situation: Situation) -> str:
    """The head that the branch must still have: a named base is what was seen of it, unless the branch begins with this."""
    return situation.base.id if task.base and situation.head else situation.head
