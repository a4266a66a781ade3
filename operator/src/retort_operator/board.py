"""The AgentTasks in memory: those worked on with all they need, those that wait with their names, the finished with a line.

A finished task is a few hundred bytes here, not its 3 KB: ten thousand of them must fit beside the work. One that waits for
its turn (each project has a bounded number under way) is read again from the API server when it comes.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from retort_core.errors import RetortError
from retort_core.http.internal import TaskObject, TaskSeen
from retort_core.lifecycle.failures import failure_of
from retort_core.lifecycle.sources import Instruction, Source
from retort_core.lifecycle.statuses import Failure
from retort_core.resources import labels
from retort_core.resources.mapping import answer_of, approval_of, approver_of, source_of
from retort_core.resources.v1alpha1 import AgentTaskSpec, TaskSource
from retort_core.traceparents import traceparent_of
from retort_operator.times import moment, seconds_of

GONE: Final = 500  # so many and half of those that wait may be left in a heap: taking one out of its middle costs all of it
PREPARING: Final = 32  # tasks of one project that are being planned; more would only queue in the service


class Finished(NamedTuple):
    namespace: str
    name: str
    at: float  # seconds since the epoch
    ttl: int  # -1: the operator's setting


class Waiting(NamedTuple):
    rank: int
    since: float
    uid: str
    namespace: str
    name: str


@dataclass(kw_only=True)
class Entry:
    """One task that is worked on. `seen`: what the service last told. `told`: the generation it knows. `heard`: the highest
    revision that an event told of; `stale`: there may be more than was seen, of no known revision."""

    uid: str
    namespace: str
    name: str
    generation: int
    spec: AgentTaskSpec
    created_at: datetime
    trace: str = ""  # the traceparent of whoever asked for it
    problem: Failure | None = None  # the object itself cannot be used
    source: Source
    namespace_uid: str = ""
    seen: TaskSeen | None = None
    told: int = 0
    stale: bool = False
    heard: int = 0
    asked: dict[str, float] = field(
        default_factory=dict
    )  # what was wanted of the service or the broker, and when
    shown: tuple[str, ...] = ()  # what the status says now
    since_waiting: float = 0.0
    prepared: bool = False
    started: float = 0.0
    refused: float = 0.0  # since when the service takes nothing of it

    @property
    def behind(self) -> bool:
        """Whether the service is to be told or asked something, even if nothing follows from what is known."""
        seen = self.seen
        return seen is None or self.told != self.generation or self.stale or self.heard > seen.revision

    @property
    def dashed(self) -> str:
        return dashed(self.uid)

    def object(self) -> TaskObject:
        spec = self.spec
        return TaskObject(
            uid=self.uid,
            name=self.name,
            namespace=self.namespace,
            namespace_uid=self.namespace_uid,
            dataset=spec.dataset_name,
            branch=spec.branch,
            base=spec.base,
            source=self.source,
            review=spec.review,
            requester=spec.requester,
            lang=spec.lang,
            conversation=spec.conversation,
            profile=spec.profile_name,
            active_deadline_seconds=spec.active_deadline_seconds,
            created_at=self.created_at,
            answer=answer_of(spec.answer),
            approval=approval_of(spec.approval),
            approver=approver_of(spec.approval),
            cancelled=spec.desired_state == "Cancelled",
        )


def plain(uid: str) -> str:
    """An object's uid as the service writes it."""
    return uid.replace("-", "")


def dashed(uid: str) -> str:
    """As the API server writes it."""
    return f"{uid[:8]}-{uid[8:12]}-{uid[12:16]}-{uid[16:20]}-{uid[20:]}"


def terminal(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The condition that ended the task, if one did."""
    for one in status.get("conditions") or ():
        if one.get("status") == "True" and one.get("type") in ("Complete", "Failed"):
            found: Mapping[str, Any] = one
            return found
    return None


def shown_of(status: Mapping[str, Any]) -> tuple[str, ...]:
    """What of a status decides whether another one is worth a write; as `statuses.key`."""
    phase = status.get("phase") or ""
    if phase == "AwaitingInput":
        question, staged = status.get("question") or {}, status.get("staged") or {}
        return (phase, question.get("id", ""), staged.get("commit", ""))
    return (phase,) if phase else ()


@dataclass
class _Project:
    """`waiting`: a heap; `gone`: how many in it wait no more; `closed`: its namespace takes no part."""

    closed: bool = False
    active: int = 0
    preparing: int = 0
    waiting: list[Waiting] = field(default_factory=list)
    gone: int = 0


class Board:
    def __init__(self, pending: int) -> None:
        self._pending = pending
        self.active: dict[str, Entry] = {}
        self.finished: dict[str, Finished] = {}
        self._waiting: dict[str, Waiting] = {}
        self._projects: dict[str, _Project] = {}

    @property
    def known(self) -> int:
        return len(self.active) + len(self.finished) + len(self._waiting)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def knows(self, uid: str) -> bool:
        return uid in self.active or uid in self.finished or uid in self._waiting

    def note(self, raw: Mapping[str, Any], *, forced: bool = False) -> bool:
        """Whether the task wants looking at. `forced`: beyond the bounds, because its time is over or it was cancelled; there is
        no such reason where the namespace takes no part, or anybody with one could fill the memory of all."""
        metadata, status = raw["metadata"], raw.get("status") or {}
        uid = plain(metadata["uid"])
        ended = terminal(status)
        if ended is not None:
            self._finish(
                uid, raw, seconds_of(ended.get("lastTransitionTime") or metadata["creationTimestamp"])
            )
            return False
        if uid in self.finished:
            return False  # an older event than our own last write
        entry = self.active.get(uid)
        if entry is not None:
            return _update(entry, raw)
        cancelled = (raw.get("spec") or {}).get("desiredState") == "Cancelled"
        begun = status.get("phase") not in (None, "", "Pending")  # was worked on, by a leader before this one
        asked = (forced or cancelled or begun) and not self.closed(metadata["namespace"])
        if not (asked or self._room(metadata["namespace"])):
            self._wait(uid, raw)
            return False
        self._unwait(uid)
        self.active[uid] = entry = _entry(uid, raw)
        project = self._project(entry.namespace)
        project.active += 1
        project.preparing += 1
        return True

    def closed(self, namespace: str) -> bool:
        project = self._projects.get(namespace)
        return project is not None and project.closed

    def close(self, entry: Entry) -> bool:
        """The namespace of this one takes no part. Whether it waits from now on, with its name only: few are kept beyond that."""
        project = self._project(entry.namespace)
        project.closed = True
        if project.active <= PREPARING:
            return False
        self._leave(entry)
        since = entry.created_at.timestamp()
        self.back(Waiting(-entry.spec.priority, since, entry.uid, entry.namespace, entry.name))
        return True

    def open(self, namespace: str) -> None:
        self._project(namespace).closed = False

    def back(self, found: Waiting) -> None:
        """It was taken to be worked on and could not be read, or is not to be worked on now: it waits on."""
        self._waiting[found.uid] = found
        heapq.heappush(self._project(found.namespace).waiting, found)

    def uids(self) -> dict[str, tuple[str, str]]:
        """Everything that is known, with namespace and name."""
        found = {uid: (one.namespace, one.name) for uid, one in self.active.items()}
        found |= {uid: (one.namespace, one.name) for uid, one in self.finished.items()}
        return found | {uid: (one.namespace, one.name) for uid, one in self._waiting.items()}

    def prepared(self, entry: Entry) -> None:
        """It no longer counts among those that are being planned."""
        if not entry.prepared:
            entry.prepared = True
            self._project(entry.namespace).preparing -= 1

    def finish(self, entry: Entry, at: float) -> None:
        ttl = entry.spec.ttl_seconds_after_finished
        self._leave(entry)
        self.finished[entry.uid] = Finished(entry.namespace, entry.name, at, -1 if ttl is None else ttl)

    def remove(self, uid: str) -> Entry | None:
        """The object is gone."""
        self._unwait(uid)
        self.finished.pop(uid, None)
        entry = self.active.get(uid)
        if entry is not None:
            self._leave(entry)
        return entry

    def next(self, namespace: str) -> Waiting | None:
        """A task that waits and may be worked on now; it is not counted until it is noted again."""
        project = self._projects.get(namespace)
        while project is not None and project.waiting and self._room(namespace):
            found = heapq.heappop(project.waiting)
            if self._waiting.get(found.uid) is found:
                del self._waiting[found.uid]
                return found
            project.gone -= 1
        self._tidy(namespace)
        return None

    def coming(self, namespace: str) -> int:
        """Tasks of a project that are being planned or wait for it."""
        project = self._projects.get(namespace)
        return project.preparing + len(project.waiting) - project.gone if project is not None else 0

    def waiting_of(self, uid: str) -> Waiting | None:
        return self._waiting.get(uid)

    def namespaces(self) -> list[str]:
        return list(self._projects)

    def _room(self, namespace: str) -> bool:
        project = self._project(namespace)
        return project.active < self._pending and project.preparing < PREPARING

    def _project(self, namespace: str) -> _Project:
        return self._projects.setdefault(namespace, _Project())

    def _wait(self, uid: str, raw: Mapping[str, Any]) -> None:
        if uid in self._waiting:
            return
        metadata, spec = raw["metadata"], raw.get("spec") or {}
        since = seconds_of(metadata["creationTimestamp"])
        self.back(
            Waiting(-int(spec.get("priority") or 0), since, uid, metadata["namespace"], metadata["name"])
        )

    def _unwait(self, uid: str) -> None:
        found = self._waiting.pop(uid, None)
        if found is None:
            return
        project = self._project(found.namespace)
        project.gone += 1
        if project.gone > GONE + len(project.waiting) // 2:
            project.waiting = [one for one in project.waiting if self._waiting.get(one.uid) is one]
            heapq.heapify(project.waiting)
            project.gone = 0
        self._tidy(found.namespace)

    def _leave(self, entry: Entry) -> None:
        del self.active[entry.uid]
        project = self._project(entry.namespace)
        project.active -= 1
        if not entry.prepared:
            project.preparing -= 1
        self._tidy(entry.namespace)

    def _tidy(self, namespace: str) -> None:
        """Nothing is kept of a project without tasks."""
        project = self._projects.get(namespace)
        if project is not None and not project.active and len(project.waiting) == project.gone:
            del self._projects[namespace]

    def _finish(self, uid: str, raw: Mapping[str, Any], at: float) -> None:
        self._unwait(uid)
        entry = self.active.get(uid)
        if entry is not None:
            self._leave(entry)
        metadata = raw["metadata"]
        ttl = (raw.get("spec") or {}).get("ttlSecondsAfterFinished")
        self.finished[uid] = Finished(
            metadata["namespace"], metadata["name"], at, -1 if ttl is None else int(ttl)
        )


def _entry(uid: str, raw: Mapping[str, Any]) -> Entry:
    metadata = raw["metadata"]
    spec, source, problem = _read(raw)
    return Entry(
        uid=uid,
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=int(metadata.get("generation") or 1),
        spec=spec,
        source=source,
        problem=problem,
        created_at=moment(metadata["creationTimestamp"]),
        trace=traceparent_of(str((metadata.get("annotations") or {}).get(labels.TRACEPARENT, "")), uid),
        shown=shown_of(raw.get("status") or {}),
    )


def _update(entry: Entry, raw: Mapping[str, Any]) -> bool:
    generation = int(raw["metadata"].get("generation") or 1)
    if generation <= entry.generation:
        return False
    entry.generation = generation
    entry.spec, entry.source, entry.problem = _read(raw)
    return True


_NOTHING: Final = Source(instruction=Instruction(text="-"))


def _read(raw: Mapping[str, Any]) -> tuple[AgentTaskSpec, Source, Failure | None]:
    """What cannot be read still becomes an entry, so that its task ends with a sentence."""
    try:
        spec = AgentTaskSpec.model_validate(raw.get("spec") or {})
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, ("spec", *first["loc"])))
        spec = AgentTaskSpec.model_construct(
            source=TaskSource(),
            dataset_name="-", branch="main", base="", requester="-", review="Auto", profile_name="default", lang="",
            conversation="", priority=0, queue_timeout_seconds=600, active_deadline_seconds=600, answer=None,
            infrastructure_retries=0, ttl_seconds_after_finished=None, approval=None, desired_state="Running",
        )  # fmt: skip
        return spec, _NOTHING, Failure(failure="Input", code="bad-input", message=f"{where}: {first['msg']}")
    try:
        return spec, source_of(spec.source), None
    except RetortError as problem:
        return spec, _NOTHING, failure_of(problem)
