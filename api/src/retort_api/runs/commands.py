"""Commands: what the service does itself, without a sandbox: walk the history, branch, look, answer, approve.

A command gives a `Verdict`: it is done (the branch moved inside `act`), or it needs a run (`work`), or it was only
another way to say something (`outcome`, such as the plan behind a suggestion).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits.log import CommitLog, fixed
from retort_api.commits.records import CommitRecord
from retort_api.conversations import repository as conversations
from retort_api.kit.database import Database
from retort_api.runs.gates import Gate
from retort_api.runs.remembering import Remembering
from retort_api.runs.sentences import say
from retort_api.runs.situation import Situation
from retort_api.runs.verdicts import Act, Verdict
from retort_api.runs.work import Replayed, Work
from retort_api.tasks import repository as tasks
from retort_api.tasks.records import TaskRecord
from retort_core import names
from retort_core.errors import BadInput, NotFound
from retort_core.identity import short
from retort_core.lifecycle.sources import Answer, Approval
from retort_core.lifecycle.statuses import Counts, Outcome
from retort_core.plans import Command, Lang, Plan, Planned, Step
from retort_plans.explanations import explain


class Commands:
    def __init__(self, database: Database, log: CommitLog, gate: Gate) -> None:
        self._database, self._log, self._gate = database, log, gate
        self._verbs: dict[str, Callable[[TaskRecord, Situation, dict[str, Any]], Awaitable[Verdict]]] = {
            "undo": self._undo,
            "redo": self._redo,
            "undo_step": self._undo_step,
            "branch": self._branch,
            "switch": self._switch,
            "diff": self._diff,
            "export": self._export,
            "history": self._history,
            "profile": self._profile,
            "suggest": self._suggest,
            "accept": self._accept,
            "answer": self._answer,
            "approve": self._approve,
            "reject": self._reject,
            **Remembering(database, log).verbs,
        }

    async def __call__(self, task: TaskRecord, situation: Situation, command: Command) -> Verdict:
        verb = self._verbs.get(command.verb)
        if verb is None:
            raise BadInput(f"There is no command {command.verb!r}; there are {', '.join(self._verbs)}.")
        await self._gate.command(task, command.verb, situation.pending)
        return await verb(task, situation, dict(command.args))

    async def allow(self, task: TaskRecord, verb: str) -> None:
        """Raises where whoever asked may not do this."""
        await self._gate.command(task, verb, None)

    # -- walking -----------------------------------------------------------------------------------------

    async def _undo(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        """One instruction back a step; on a branch that was never moved, along the parents."""
        walked = list((await self._log.walk(task.dataset, task.branch)).back)
        here, steps = situation.head, _positive(args.get("steps", 1))
        undone: CommitRecord | None = None
        for _ in range(steps):
            record = await self._log.get(task.dataset, here)
            target = walked.pop() if walked else record.parent
            if not target:
                break
            undone, here = record, target
        if undone is None:
            return Verdict(message=say("nothing-to-undo", task.lang))
        return await self._walked(task, situation, here, "undo", undone)

    async def _redo(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        forward = (await self._log.walk(task.dataset, task.branch)).forward
        steps = min(_positive(args.get("steps", 1)), len(forward))
        if not steps:
            return Verdict(message=say("nothing-to-redo", task.lang))
        to = forward[-steps]
        return await self._walked(task, situation, to, "redo", await self._log.get(task.dataset, to))

    async def _walked(
        self, task: TaskRecord, situation: Situation, to: str, why: str, about: CommitRecord
    ) -> Verdict:
        counts = (await self._log.get(task.dataset, to)).counts
        now = Counts(
            rows_before=situation.profile.rows,
            columns_before=len(situation.schema.columns),
            rows_after=counts.rows_after,
            columns_after=counts.columns_after,
        )
        sentence = "undone" if why == "undo" else "redone"
        return Verdict(
            done=Outcome(commit=to, parent=situation.head, branch=task.branch, counts=now),
            message=say(sentence, task.lang, title=about.title, head=short(to)),
            move=(task.branch, to, situation.head, why),
        )

    async def _undo_step(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        """Takes one step (or a whole instruction) out of the history and replays what came after it."""
        target = await self._log.resolve(task.dataset, str(args.get("commit", "")))
        line = await self._line_to(task.dataset, situation.head, target)
        chosen, later = line[0], line[1:]
        if not chosen.parent:
            raise BadInput(say("nothing-to-undo", task.lang))
        step = str(args.get("step", ""))
        title = chosen.title
        replay = [Replayed(commit=record.id) for record in later]
        if step and chosen.plan is not None and len(chosen.plan.steps) > 1:
            kept = tuple(one for one in chosen.plan.steps if one.id != step)
            if len(kept) == len(chosen.plan.steps):
                raise NotFound(f"{chosen.title!r} has no step {step!r}.", step=step)
            gone = tuple(one for one in chosen.plan.steps if one.id == step)
            title = _in_words(chosen.plan, gone, task.lang)
            left = {"steps": kept, "title": _in_words(chosen.plan, kept, task.lang)}
            replay = [Replayed(commit=chosen.id, plan=chosen.plan.model_copy(update=left)), *replay]
        work = Work(
            kind="replay",
            title=say("undo-step-title", task.lang, title=title),
            instruction=task.source.instruction.text if task.source.instruction is not None else "",
            base=chosen.parent,
            expect=situation.head,
            replay=tuple(replay),
        )
        if not replay:
            return await self._walked(task, situation, chosen.parent, "move", chosen)
        return Verdict(work=work)

    async def _line_to(self, dataset: str, head: str, target: str) -> list[CommitRecord]:
        """From `target` to `head` along first parents, oldest first."""
        line: list[CommitRecord] = []
        here = head
        while here:
            record = await self._log.get(dataset, here)
            line.append(record)
            if here == target:
                return line[::-1]
            here = record.parent
        raise NotFound(f"Version {short(target)} is not part of this branch's history.")

    # -- branches ----------------------------------------------------------------------------------------

    async def _branch(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        name = names.branch(str(args.get("name", "")).strip())
        return Verdict(
            done=Outcome(commit=situation.base.id, branch=name),
            message=say("branched", task.lang, name=name),
            create=(name, situation.base.id),
            act=self._switching(task, name),
        )

    async def _switch(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        del situation
        name = str(args.get("name", ""))
        found = await self._log.ref(task.dataset, name)
        if found.kind != "branch":
            raise fixed(name, found.kind)
        return Verdict(
            done=Outcome(commit=found.head, branch=name),
            message=say("switched", task.lang, name=name),
            act=self._switching(task, name),
        )

    def _switching(self, task: TaskRecord, branch: str) -> Act | None:
        if not task.conversation:
            return None

        async def act(connection: AsyncConnection) -> None:
            await conversations.switch(connection, task.dataset, task.conversation, branch)

        return act

    # -- looking -----------------------------------------------------------------------------------------

    async def _diff(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        newer = await self._log.resolve(task.dataset, str(args.get("to") or task.branch))
        default = (await self._log.get(task.dataset, newer)).parent or newer
        older = await self._log.resolve(task.dataset, str(args["from"])) if args.get("from") else default
        record = await self._log.get(task.dataset, newer)
        what = record.title
        message = say("diff", task.lang, older=short(older), newer=short(newer), what=what)
        data: dict[str, Any] = {"verb": "diff", "from": older, "to": newer}
        return Verdict(done=Outcome(commit=situation.head, branch=task.branch, data=data), message=message)

    async def _export(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        form = str(args.get("format") or "csv")
        encoding = str(args.get("encoding") or "utf-8")
        data: dict[str, Any] = {
            "verb": "export",
            "commit": situation.base.id,
            "format": form,
            "encoding": encoding,
        }
        done = Outcome(commit=situation.head, branch=task.branch, data=data)
        return Verdict(done=done, message=say("export", task.lang, format=form.upper()))

    async def _history(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        del args
        titles = [
            {"commit": turn.commit, "title": turn.title, "undone": turn.undone}
            for turn in situation.history
            if turn.commit
        ]
        data: dict[str, Any] = {"verb": "history", "versions": titles}
        done = Outcome(commit=situation.head, branch=task.branch, data=data)
        return Verdict(done=done, message=say("history", task.lang, count=len(titles)))

    async def _profile(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        data: dict[str, Any] = {
            "verb": "profile",
            "commit": situation.base.id,
            "column": args.get("column", ""),
        }
        rows, columns = situation.profile.rows, len(situation.schema.columns)
        done = Outcome(commit=situation.head, branch=task.branch, data=data)
        return Verdict(done=done, message=say("profile", task.lang, rows=rows, columns=columns))

    async def _suggest(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        del args
        found = [one.model_dump(mode="json") for one in situation.suggestions]
        done = Outcome(
            commit=situation.head, branch=task.branch, data={"verb": "suggest", "suggestions": found}
        )
        name = "suggestions" if found else "no-suggestions"
        return Verdict(done=done, message=say(name, task.lang, count=len(found)))

    # -- agreeing ----------------------------------------------------------------------------------------

    async def _accept(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        wanted = str(args.get("suggestion", ""))
        chosen = next((one for one in situation.suggestions if one.id == wanted), None)
        if chosen is None:
            raise NotFound(say("no-suggestion", task.lang, id=wanted))
        return Verdict(outcome=Planned(plan=chosen.plan, planner="suggestion"))

    async def _answer(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        pending = situation.pending
        if pending is None or pending.status.question is None:
            return Verdict(message=say("nothing-open", task.lang))
        always = bool(args.get("remember"))
        if always:
            await self._gate.command(task, "remember", pending)
        choice = str(args.get("choice", ""))
        answer = Answer(question=pending.status.question.id, choice=choice, remember=always)

        async def act(connection: AsyncConnection) -> None:
            await tasks.save_answer(connection, pending.uid, answer)

        return self._forwarded(task, pending, act)

    async def _approve(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        del args
        return self._decided(task, situation, approved=True)

    async def _reject(self, task: TaskRecord, situation: Situation, args: dict[str, Any]) -> Verdict:
        del args
        return self._decided(task, situation, approved=False)

    def _decided(self, task: TaskRecord, situation: Situation, *, approved: bool) -> Verdict:
        pending = situation.pending
        if pending is None or pending.status.staged is None:
            return Verdict(message=say("nothing-to-approve", task.lang))
        approval = Approval(commit=pending.status.staged.commit, approved=approved)

        async def act(connection: AsyncConnection) -> None:
            await self._gate.approved(connection, task, pending, approval)
            await tasks.save_approval(connection, pending.uid, approval)

        return self._forwarded(task, pending, act)

    def _forwarded(self, task: TaskRecord, pending: TaskRecord, act: Act) -> Verdict:
        done = Outcome(follow=pending.uid, branch=task.branch)
        return Verdict(done=done, message=say("forwarded", task.lang), act=act, wake=(pending.uid,))


def _positive(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1000:
        raise BadInput(f"{value!r} is no number of steps; give 1 to 1000.")
    return value


def _in_words(plan: Plan, steps: tuple[Step, ...], lang: Lang) -> str:
    """Some steps of a plan as a title."""
    words = explain(plan.model_copy(update={"steps": steps}), lang)
    return ("；" if lang == "zh" else "; ").join(words)
