"""What the operator and the service say to each other: one desired-state PUT per look at a task, one per run.

    PUT  TASK          TaskPut    -> 200 TaskSeen      service: mirrors the task, starts what is asked, tells what it knows;
                                                       with a `sight` it goes on while replies come at once
    GET  TASK                     -> 200 TaskSeen      404 when the service has never heard of it
    GET  TASKS ?after&limit       -> 200 OpenTasks     open tasks of the service's rows, for a new leader and the resync
    DELETE TASK                   -> 204           the object is gone: an open task ends as cancelled; 204 for an unknown one
    PUT  ATTEMPT       AttemptPut -> 202               broker: takes the lease of this attempt, dials the Pod and runs
    GET  EVENTS ?after            -> server-sent events: InternalEvent; `id:` is the sequence number. Without `after` it
                                     begins with what happens from now on; a comment line at least every 15 s. Old events are
                                     not kept: who begins a stream looks at every open task by itself
    GET  COMMITS ?after&limit     -> 200 CommitFeed    versions in the order of publication, for the projection

The operator decides (`http.looks.decided`) and is the only writer of an AgentTask's `status`; the service acts and
keeps the memory of decisions (`TaskPut.status` in its row), so a restarted or a second operator goes on from there and
an object's status need be written only when people should see a change. `revision` counts decisions and replies and
fences: a new status that was decided on an older row is refused with 409 and the newer `TaskSeen` under `details.seen`
(so a Pod that is gone is never taken for a lost run when its reply has just come). Everything is idempotent: the same round,
attempt or promotion asked for twice happens once.

A `sight` is what the operator alone knows. With it the service decides on by the same function, on behalf of who asks: when
the rows hold a reply that was not decided on yet, and after each act that ends at once. What it comes to has its own revision
and is told back; the operator comes to the same by itself, or, having seen more meanwhile, to the next thing.

The object of a task may go while it runs (`kubectl delete`, its namespace): DELETE tells so, and needs no object to be told
of. A branch that is being moved is moved first; otherwise what was staged is dropped and the audit written.

The listener is separate from `/api/v1`: bearer tokens of the audience INTERNAL_AUDIENCE, or a shared secret file.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import Field, JsonValue

from retort_core.lifecycle.observations import Prepared, Promoted, Ran, SandboxState
from retort_core.lifecycle.sources import Answer, Approval, Approver, Review, Source
from retort_core.lifecycle.statuses import Counts, Failure, TaskStatus
from retort_core.models import Model

PREFIX: Final = "/internal/v1"
TASKS: Final = f"{PREFIX}/tasks"
TASK: Final = f"{TASKS}/{{uid}}"
ATTEMPT: Final = f"{TASK}/attempts/{{attempt}}"
EVENTS: Final = f"{PREFIX}/events"
COMMITS: Final = f"{PREFIX}/commits"
INTERNAL_AUDIENCE: Final = "retort-internal"


class TaskObject(Model):
    """An AgentTask as the service needs it. `uid`: the object's uid without dashes (32 hexadecimal digits).

    `namespace_uid` binds a project to one life of its namespace: a namespace recreated under the same name is refused
    with the code `project-rebound`. `requester` was held equal to the caller by admission.
    """

    uid: str = Field(pattern="^[0-9a-f]{32}$")
    name: str
    namespace: str
    namespace_uid: str
    dataset: str
    branch: str = "main"
    base: str = ""
    source: Source
    review: Review = "WhenSurprising"
    requester: str
    lang: Literal["", "zh", "en"] = ""
    conversation: str = ""
    profile: str = "default"
    active_deadline_seconds: int = Field(default=600, ge=1, le=86_400)
    created_at: datetime
    answer: Answer | None = None
    approval: Approval | None = None
    approver: Approver | None = None
    cancelled: bool = False


class Wanted(Model):
    """The actions of a decision that the service carries out; at most one is set. Sandboxes are the operator's."""

    prepare: int | None = None  # round
    promote: str | None = None  # commit
    end: bool = False  # terminal: drop what was staged, write the audit, allow the object's TTL


class Sight(Model):
    """What decisions depend on and only the operator knows: the executor, what is wrong with the object or its profile, the
    limits of its spec. `at`: when, by its clock; what is decided on it is decided as of then, whatever another machine's clock says."""

    at: datetime
    sandbox: SandboxState | None = None
    problem: Failure | None = None
    queue_timeout_seconds: float
    active_deadline_seconds: float
    infrastructure_retries: int


class TaskPut(Model):
    """`revision` is the one this was decided on; 0 when the service has no row yet."""

    task: TaskObject
    status: TaskStatus
    revision: int
    wanted: Wanted = Wanted()
    sight: Sight | None = None


class TaskSeen(Model):
    """The half of `Observed` that rows hold. `base` and the replies as in `lifecycle.observations`.

    `answer`, `approval` and `cancelled` are what people said by either way: on the object (they came with a TaskPut) or
    over HTTP (then only the row has them, and an event says so). The operator decides on these, not on the spec alone. So with
    `review`: on a branch that is protected, or by then is, every change waits for a yes.
    """

    uid: str
    revision: int
    status: TaskStatus
    base: str | Failure
    prepared: Prepared | None = None
    run: Ran | None = None
    promoted: Promoted | None = None
    answer: Answer | None = None
    approval: Approval | None = None
    review: Review = "Auto"
    cancelled: bool = False
    archived: bool = False  # ended and recorded: the object may be deleted
    begun: tuple[Wanted, ...] = ()  # by the service itself in this PUT, on the sight it was given


class OpenTasks(Model):
    """`after`: pass it again for the next page; "" at the end."""

    items: tuple[TaskSeen, ...]
    after: str = ""


class PodAddress(Model):
    """A claimed executor. The session key is HMAC-SHA256(K, name | nonce): the broker derives it, nobody sends it."""

    name: str
    uid: str
    ip: str
    port: int = Field(ge=1, le=65_535)
    nonce: str = Field(pattern="^[0-9a-f]{32}$")


class RunLimits(Model):
    """Of the executor profile; the supervisor enforces them from the claim on."""

    seconds: int = Field(ge=1)
    memory_bytes: int = Field(ge=1)
    output_bytes: int = Field(ge=1)


class AttemptPut(Model):
    """`epoch` of the operator's Lease: a broker refuses an older one than it has seen for this task."""

    pod: PodAddress
    limits: RunLimits
    epoch: int = Field(ge=0)


class InternalEvent(Model):
    """Something the operator may want to look at. An event only re-queues `decide` or the projection.

    kind      uid of                data
    task      the task              {"revision"}: a reply was stored; {}: an answer or an approval came in by HTTP
    commit    the commit's id       {"namespace", "dataset"}: a version was published or a branch moved to it
    project   -                     {"namespace"}
    """

    seq: int
    kind: Literal["task", "commit", "project"]
    uid: str = ""
    data: dict[str, JsonValue] = {}


class CommitFact(Model):
    """One version as its DataCommit shows it: facts only, no cell and no script."""

    seq: int
    id: str
    namespace: str
    namespace_uid: str
    dataset: str
    root: str
    parents: tuple[str, ...] = ()
    title: str
    kind: str
    author: str
    task: str = ""
    branch: str = ""  # that led to it first; empty where a tag did
    counts: Counts = Counts()
    created_at: datetime


class CommitFeed(Model):
    items: tuple[CommitFact, ...]
    after: int = 0
