"""The service and the broker in memory, spoken to over loopback with the models of the contract; what it does is set by tests.

Faithful where the operator depends on it: revisions that replies move on, idempotent wishes, conflicts that carry the newer
row, leases by attempt and epoch, a numbered event stream, a feed of published versions.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from retort_core.http import internal as routes
from retort_core.http.internal import (
    AttemptPut,
    CommitFact,
    CommitFeed,
    InternalEvent,
    OpenTasks,
    TaskObject,
    TaskPut,
    TaskSeen,
    Wanted,
)
from retort_core.http.looks import decided, wish
from retort_core.lifecycle.observations import Prepared, Promoted, Ran
from retort_core.lifecycle.statuses import (
    AskedQuestion,
    Counts,
    Failure,
    Outcome,
    PlannedWork,
    Staged,
    TaskStatus,
)
from retort_core.plans import Option, Slot

BASE = "b" * 64
AT_ONCE = 0.1  # seconds; as the service


def commit_of(uid: str, attempt: int = 1) -> str:
    return hashlib.sha256(f"{uid}/{attempt}".encode()).hexdigest()


@dataclass
class Row:
    task: TaskObject
    status: TaskStatus = field(default_factory=TaskStatus)
    revision: int = 0
    prepared: Prepared | None = None
    run: Ran | None = None
    promoted: Promoted | None = None
    answer: Any = None
    approval: Any = None
    cancelled: bool = False
    archived: bool = False

    def seen(self, base: str | Failure) -> TaskSeen:
        known = self.status.base_commit if self.status.conditions else base
        return TaskSeen(
            uid=self.task.uid, revision=self.revision, status=self.status, base=known, prepared=self.prepared,
            run=self.run, promoted=self.promoted, answer=self.answer, approval=self.approval,
            cancelled=self.cancelled, archived=self.archived,
        )  # fmt: skip


@dataclass
class Behaviour:
    """What happens to tasks. Callables get the task; a run returns its reply or None for silence."""

    prepare_seconds: float = 0.002
    run_seconds: float = 0.01
    promote_seconds: float = 0.001
    base: Callable[[TaskObject], str | Failure] = lambda _: BASE
    prepare: Callable[[TaskObject, int, Any], Prepared] | None = None
    run: Callable[[TaskObject, int], Ran | None] | None = None
    promote: Callable[[TaskObject, str], Promoted | None] | None = None
    refuse: Callable[[TaskObject], str] = lambda _: ""  # why it takes no such task


class FakeService:
    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.does = behaviour or Behaviour()
        self.rows: dict[str, Row] = {}
        self.calls: Counter[str] = Counter()
        self.events: list[InternalEvent] = []
        self.facts: list[CommitFact] = []
        self.leases: dict[str, tuple[int, int]] = {}  # task -> epoch, attempt
        self.runs: list[tuple[str, int, str]] = []  # task, attempt, pod
        self.running: dict[str, str] = {}  # task -> pod, while it runs
        self.gone: list[str] = []
        self.down = False
        self.broker_down = False
        self.mute = False  # events are not sent
        self.on_run_end: Callable[[str], None] = lambda _pod: None
        self._flying: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._heard = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._cuts = 0
        self.url = ""

    async def open(self, port: int = 0) -> None:
        app = web.Application(client_max_size=4 << 20)
        app.add_routes(
            [
                web.put(routes.TASK, self._put), web.get(routes.TASK, self._get), web.delete(routes.TASK, self._delete),
                web.get(routes.TASKS, self._list), web.put(routes.ATTEMPT, self._attempt),
                web.get(routes.EVENTS, self._stream), web.get(routes.COMMITS, self._commits),
            ]
        )  # fmt: skip
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        self.cut()
        for task in list(self._flying.values()):
            task.cancel()
        await asyncio.gather(*self._flying.values(), return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    def die(self) -> None:
        """One that comes back at once: what it was doing for tasks is lost, and its streams end."""
        for (_, name), task in self._flying.items():
            if not name.startswith("run/"):
                task.cancel()
        self.cut()

    def cut(self) -> None:
        self._cuts += 1
        self._notify()

    # -- tasks -------------------------------------------------------------------------------------------

    async def _put(self, request: web.Request) -> web.Response:
        self._up("put")
        body = TaskPut.model_validate_json(await request.read())
        if reason := self.does.refuse(body.task):
            return web.json_response(
                {"status": 422, "code": "bad-input", "detail": reason, "details": {}}, status=422
            )
        row = self.rows.get(body.task.uid)
        base = self.does.base(body.task)
        if row is None:
            if isinstance(base, Failure):
                seen = TaskSeen(
                    uid=body.task.uid,
                    revision=body.revision,
                    status=body.status,
                    base=base,
                    archived=body.wanted.end,
                )
                return _json(seen)
            row = self.rows[body.task.uid] = Row(body.task)
        self._merge(row, body)
        if (body.status != row.status or row.revision == 0) and body.revision != row.revision:
            details = {"seen": row.seen(base).model_dump(mode="json")}
            problem = {"status": 409, "code": "conflict", "detail": "moved on", "details": details}
            return web.json_response(problem, status=409)
        wanted, begun = self._decide(row, body, body.status, body.wanted), []
        while flight := self._start(row, wanted):
            begun.append(wanted)
            if not (await asyncio.wait([flight], timeout=AT_ONCE))[0]:
                break
            wanted = self._decide(row, body, row.status, Wanted())
        return _json(row.seen(base).model_copy(update={"begun": tuple(begun)}))

    def _decide(self, row: Row, body: TaskPut, status: TaskStatus, wanted: Wanted) -> Wanted:
        """What is wanted by now; the row has what was decided, by who asks or on its sight."""
        before = row.status
        seen = row.seen(self.does.base(row.task)).model_copy(update={"status": status})
        if body.sight is not None:
            decision = decided(body.task, seen, body.sight)
            if decision.status != status or not row.revision:
                wanted = wish(decision, seen)
            status = decision.status
        if status != before or not row.revision:
            row.revision, row.status = row.revision + 1, status
        row.archived |= wanted.end
        return wanted

    def _merge(self, row: Row, body: TaskPut) -> None:
        task, status = body.task, body.status
        question, staged = status.question, status.staged
        if task.answer is not None and question is not None and task.answer.question == question.id:
            row.answer = row.answer or task.answer
        if task.approval is not None and staged is not None and task.approval.commit == staged.commit:
            row.approval = row.approval or task.approval
        row.cancelled |= task.cancelled
        row.task = task

    def _start(self, row: Row, wanted: Wanted) -> asyncio.Task[None] | None:
        uid = row.task.uid
        if wanted.prepare is not None and (row.prepared is None or row.prepared.round < wanted.prepare):
            return self._fly(uid, f"prepare/{wanted.prepare}", self._prepare(row, wanted.prepare))
        if wanted.promote is not None and (
            row.promoted is None or row.promoted.commit not in ("", wanted.promote)
        ):
            return self._fly(uid, "promote", self._promote(row, wanted.promote))
        return None

    def _fly(self, uid: str, name: str, coroutine: Any) -> asyncio.Task[None]:
        key = (uid, name)
        if key in self._flying:
            coroutine.close()
            return self._flying[key]
        task = self._flying[key] = asyncio.get_running_loop().create_task(coroutine)
        task.add_done_callback(lambda _: self._flying.pop(key, None))
        return task

    async def _prepare(self, row: Row, round_: int) -> None:
        await asyncio.sleep(self.does.prepare_seconds)
        if self.does.prepare is not None:
            reply = self.does.prepare(row.task, round_, row.answer)
        else:
            reply = Prepared(round=round_, ready=PlannedWork(digest="d" * 64, title="Remove a column"))
        row.prepared = reply
        self._replied(row)

    async def _promote(self, row: Row, commit: str) -> None:
        await asyncio.sleep(self.does.promote_seconds)
        reply = (
            self.does.promote(row.task, commit)
            if self.does.promote is not None
            else Promoted(done=Outcome(commit=commit, branch="main"), message="done")
        )
        if reply is None:
            return
        row.promoted = reply
        if reply.done is not None:
            self.publish(row.task, commit)
        self._replied(row)

    def publish(self, task: TaskObject, commit: str, title: str = "Remove a column") -> None:
        fact = CommitFact(
            seq=len(self.facts) + 1, id=commit, namespace=task.namespace, namespace_uid=task.namespace_uid,
            dataset=task.dataset, root="9" * 64, title=title, kind="instruction", author=task.requester,
            task=task.uid, branch="main", created_at=datetime.now(UTC),
        )  # fmt: skip
        self.facts.append(fact)
        self._event("commit", commit, {"namespace": task.namespace, "dataset": task.dataset})

    def _replied(self, row: Row) -> None:
        row.revision += 1
        self._event("task", row.task.uid, {"revision": row.revision})

    def say(self, uid: str, **said: Any) -> None:
        """Over HTTP: `answer=`, `approval=`, `cancelled=`."""
        row = self.rows[uid]
        for name, value in said.items():
            setattr(row, name, value)
        self._event("task", uid, {})

    async def _get(self, request: web.Request) -> web.Response:
        self._up("get")
        row = self.rows.get(request.match_info["uid"])
        if row is None:
            raise web.HTTPNotFound(text="{}")
        return _json(row.seen(self.does.base(row.task)))

    async def _delete(self, request: web.Request) -> web.Response:
        self._up("delete")
        uid = request.match_info["uid"]
        self.gone.append(uid)
        row = self.rows.get(uid)
        if row is not None:
            row.archived, row.cancelled = True, True
        return web.Response(status=204)

    async def _list(self, request: web.Request) -> web.Response:
        self._up("list")
        found = [row for row in self.rows.values() if not row.archived]
        start, limit = int(request.query.get("after") or 0), int(request.query.get("limit") or 200)
        page = found[start : start + limit]
        after = str(start + limit) if start + limit < len(found) else ""
        return _json(OpenTasks(items=tuple(row.seen(self.does.base(row.task)) for row in page), after=after))

    # -- runs --------------------------------------------------------------------------------------------

    async def _attempt(self, request: web.Request) -> web.Response:
        if self.broker_down:
            raise web.HTTPServiceUnavailable
        self._up("attempt")
        uid, attempt = request.match_info["uid"], int(request.match_info["attempt"])
        body = AttemptPut.model_validate_json(await request.read())
        row = self.rows.get(uid)
        if row is None:
            raise web.HTTPNotFound(text="{}")
        if row.status.terminal or row.cancelled:
            return web.json_response({"status": 409, "detail": "over"}, status=409)
        old = self.leases.get(uid)
        if old is not None and (body.epoch < old[0] or attempt < old[1]):
            return web.json_response({"status": 409, "detail": "earlier"}, status=409)
        if old is not None and attempt == old[1]:
            return web.Response(status=202)
        self.leases[uid] = (body.epoch, attempt)
        self.runs.append((uid, attempt, body.pod.name))
        self._fly(uid, f"run/{attempt}", self._run(row, attempt, body.pod.name))
        return web.Response(status=202)

    async def _run(self, row: Row, attempt: int, pod: str) -> None:
        self.running[row.task.uid] = pod
        await asyncio.sleep(self.does.run_seconds)
        staged = Staged(commit=commit_of(row.task.uid, attempt), counts=Counts(rows_after=7))
        reply = (
            self.does.run(row.task, attempt)
            if self.does.run is not None
            else Ran(attempt=attempt, staged=staged)
        )
        if reply is not None:
            self.running.pop(row.task.uid, None)
            row.run = reply
            self._replied(row)
            self.on_run_end(pod)

    def lose(self, uid: str, attempt: int) -> None:
        """The broker of a silent run went away."""
        row = self.rows[uid]
        failure = Failure(failure="Infrastructure", code="session-lost", message="the broker went away")
        row.run = Ran(attempt=attempt, failure=failure)
        self._replied(row)

    # -- events ------------------------------------------------------------------------------------------

    def _event(self, kind: Any, uid: str, data: dict[str, Any]) -> None:
        self.events.append(InternalEvent(seq=len(self.events) + 1, kind=kind, uid=uid, data=data))
        self._notify()

    def _notify(self) -> None:
        self._heard.set()
        self._heard = asyncio.Event()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self._up("events")
        after = request.query.get("after")
        at = int(after) if after is not None else len(self.events)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        cuts = self._cuts
        while cuts == self._cuts:
            heard = self._heard
            found = [] if self.mute else self.events[at:]
            if found:
                at = found[-1].seq
                await response.write(
                    "".join(f"id: {one.seq}\ndata: {one.model_dump_json()}\n\n" for one in found).encode()
                )
            try:
                async with asyncio.timeout(5):
                    await heard.wait()
            except TimeoutError:
                await response.write(b": still here\n\n")
        return response

    async def _commits(self, request: web.Request) -> web.Response:
        self._up("commits")
        after, limit = int(request.query.get("after") or 0), int(request.query.get("limit") or 200)
        found = self.facts[after : after + limit]
        return _json(CommitFeed(items=tuple(found), after=found[-1].seq if found else after))

    def _up(self, call: str) -> None:
        if self.down:
            raise web.HTTPServiceUnavailable
        self.calls[call] += 1


def _json(model: Any) -> web.Response:
    raw = model.model_dump_json(serialize_as_any=True)  # with what only a newer service has
    return web.Response(body=raw.encode(), content_type="application/json")


def question(id_: str = "q1") -> AskedQuestion:
    options = (Option(id="a", label="first"), Option(id="b", label="last"))
    return AskedQuestion(id=id_, text="Which one?", slots=(Slot(id="s", text="which", options=options),))
