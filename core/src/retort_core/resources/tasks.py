"""AgentTask (`at`): one job, as people write it (`spec`) and as the operator tells of it (`status`).

`spec.source` is a required one-of and never changes; `answer`, `approval`, `desiredState` and the time to live may. The
rules beside the fields are CEL and are held by the API server; those that look at `status` stand at the root and let any
update pass that leaves `spec` alone, so that they never stand in the way of the operator's own writes.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from retort_core import names
from retort_core.lifecycle.statuses import Phase
from retort_core.resources.fields import (
    CONDITIONS,
    Commit,
    Condition,
    Count,
    DatasetName,
    Message,
    ObjectName,
    Resource,
    Short,
    Time,
    immutable,
    rule,
    rules,
)

KINDS = ("instruction", "plan", "command", "script", "upload", "restore")
_ONE_OF = "[" + ", ".join(f"has(self.{kind})" for kind in KINDS) + "].filter(given, given).size() == 1"
Json64K = Annotated[str, StringConstraints(min_length=2, max_length=65_536)]


class InstructionSource(Resource):
    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000)] = Field(
        description="What is wanted, in plain words."
    )


class PlanSource(Resource):
    json_: Json64K = Field(alias="json", description="A typed plan as JSON, checked by the service.")
    result: Short = Field(
        default="", description="Id of a read-only result to run on instead of the dataset."
    )


class CommandSource(Resource):
    verb: Annotated[str, StringConstraints(min_length=1, max_length=32, pattern="^[a-z_]+$")] = Field(
        description="What the service does itself: undo, redo, branch, switch, ..."
    )
    args: Annotated[str, StringConstraints(max_length=16_384)] = Field(
        default="", description="Its arguments as a JSON object; empty for none."
    )


class ScriptSource(Resource):
    source: Annotated[str, StringConstraints(min_length=1, max_length=65_536)] = Field(
        description="Python that defines run(table)."
    )
    title: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="", description="Title of the version."
    )


class UploadSource(Resource):
    upload: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="Id of bytes the service has received."
    )
    filename: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        description="Its name, for the format and the title."
    )
    mode: Literal["new", "corrected", "append", "codebook"] = Field(
        default="new", description="What the file is to the dataset."
    )
    key: Annotated[list[Annotated[str, StringConstraints(max_length=200)]], Field(max_length=16)] = Field(
        default=[], description="Columns that identify a row when a corrected file replaces an earlier one."
    )
    options: Annotated[str, StringConstraints(max_length=4096)] = Field(
        default="", description="Reading options as a JSON object; empty for what is detected."
    )


class RestoreSource(Resource):
    commit: Commit = Field(description="The earlier version that becomes the head again, as a new version.")


class TaskSource(Resource):
    """What the task is made from: exactly one of these."""

    model_config = {
        "json_schema_extra": rules(rule(_ONE_OF, f"exactly one of {', '.join(KINDS)} must be given"))
    }
    instruction: InstructionSource | None = Field(
        default=None, description="Plain words, in Chinese or English."
    )
    plan: PlanSource | None = Field(default=None, description="A typed plan.")
    command: CommandSource | None = Field(default=None, description="A command of the service.")
    script: ScriptSource | None = Field(default=None, description="A person's own Python.")
    upload: UploadSource | None = Field(default=None, description="A file the service has received.")
    restore: RestoreSource | None = Field(default=None, description="An earlier version.")


class TaskAnswer(Resource):
    """An answer to the open question: a button or words."""

    model_config = {
        "json_schema_extra": rules(
            rule("has(self.choice) != has(self.text)", "give either `choice` or `text`")
        )
    }
    question_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        alias="questionID", description="`status.question.id` of the question that is answered."
    )
    choice: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = Field(
        default=None, description='Option ids joined by "+".'
    )
    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000)] | None = Field(
        default=None, description="Words instead of a button."
    )
    scope: Literal["Once", "Always"] = Field(default="Once", description="Always: the project remembers it.")


class TaskApproval(Resource):
    """Yes or no to exactly one staged version."""

    commit: Commit = Field(description="`status.staged.commit` of the version that is meant.")
    decision: Literal["Approved", "Rejected"] = Field(default="Approved", description="Yes or no.")
    approver: Annotated[str, StringConstraints(max_length=512)] = Field(
        default="",
        description="Who says so. The admission policy holds it to who asks; a yes of nobody is no yes where one is required.",
    )
    applies_to: Literal["Branch", "ProtectedBranch"] = Field(
        default="Branch",
        description="ProtectedBranch: it is to count on a protected branch too, which takes the right to change those.",
    )


# As `names.branch_problem`, with its patterns. A name is not stripped as over HTTP: admission asks for the right on it as it
# stands. Here and not as `pattern`, whose refusal would show no more than the pattern.
_BRANCH = rule(
    f"self.matches(r'^{names.NAME}$') && self == self.trim() && !self.matches(r'^{names.KEPT}$')",
    f"this cannot name a branch: {names.BRANCH_ALLOWED}; choose another name",
)
_VERSION = rule(
    f"self == '' || self.matches(r'^{names.VERSION}$')",
    "this names no version: give a branch, a tag or the beginning of a version's id, with ~n for n steps back; empty for "
    "the head of `branch`",
)


class AgentTaskSpec(Resource):
    source: TaskSource = Field(
        description="What the task is made from.", json_schema_extra=immutable("source")
    )
    dataset_name: DatasetName = Field(
        description="The dataset of this project that it works on.",
        json_schema_extra=immutable("datasetName"),
    )
    base: Annotated[str, StringConstraints(max_length=128)] = Field(
        default="", description="Branch or commit to start from; empty for the head of `branch`.",
        json_schema_extra=immutable("base", _VERSION),
    )  # fmt: skip
    branch: Annotated[str, StringConstraints(min_length=1, max_length=names.LONGEST)] = Field(
        default="main",
        description="The branch that gets the new version.",
        json_schema_extra=immutable("branch", _BRANCH),
    )
    review: Literal["Auto", "WhenSurprising", "Always"] = Field(
        default="WhenSurprising", description="When a finished version waits for a yes.",
        json_schema_extra=immutable("review"),
    )  # fmt: skip
    profile_name: ObjectName = Field(
        default="default",
        description="The ExecutorProfile it runs with.",
        json_schema_extra=immutable("profileName"),
    )
    requester: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        description="Who asks: the caller's own user name, held so by an admission policy.",
        json_schema_extra=immutable("requester"),
    )
    lang: Literal["", "zh", "en"] = Field(
        default="",
        description="Language of messages; empty for that of the words.",
        json_schema_extra=immutable("lang"),
    )
    conversation: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="",
        description="Conversation whose turn it becomes.",
        json_schema_extra=immutable("conversation"),
    )
    priority: Annotated[int, Field(ge=-100, le=100)] = Field(
        default=0,
        description="Order among the tasks of this project; higher first.",
        json_schema_extra=immutable("priority"),
    )
    queue_timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=600, description="How long it may wait for planning or for an executor.",
        json_schema_extra=immutable("queueTimeoutSeconds"),
    )  # fmt: skip
    active_deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=600,
        description="How long the run itself may take.",
        json_schema_extra=immutable("activeDeadlineSeconds"),
    )
    infrastructure_retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=2, description="Further attempts after a lost executor; when data cannot be read or stored, 7 at least.",
        json_schema_extra=immutable("infrastructureRetries"),
    )  # fmt: skip
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=31_536_000)] | None = Field(
        default=None,
        description="When the finished object goes (the operator's setting if absent); its version stays.",
    )
    answer: TaskAnswer | None = Field(default=None, description="Answers `status.question`.")
    approval: TaskApproval | None = Field(default=None, description="Says yes or no to `status.staged`.")
    desired_state: Literal["Running", "Cancelled"] = Field(
        default="Running", description="Cancelled ends it; there is no way back.",
        json_schema_extra=rules(rule("oldSelf != 'Cancelled' || self == 'Cancelled'", "a cancelled task stays cancelled")),
    )  # fmt: skip


class PlanStatus(Resource):
    digest: Annotated[str, StringConstraints(max_length=64)] = Field(description="Of the script that runs.")
    title: Annotated[str, StringConstraints(max_length=300)] = Field(description="Title of the version.")
    steps: Annotated[list[Annotated[str, StringConstraints(max_length=300)]], Field(max_length=64)] = Field(
        default=[], description="A sentence a step."
    )


class OptionStatus(Resource):
    id: Annotated[str, StringConstraints(max_length=64)] = Field(description="What `answer.choice` says.")
    label: Annotated[str, StringConstraints(max_length=300)] = Field(description="What the button says.")


class SlotStatus(Resource):
    id: Annotated[str, StringConstraints(max_length=64)] = Field(description="Of this undecided thing.")
    text: Annotated[str, StringConstraints(max_length=600)] = Field(description="What is undecided.")
    options: Annotated[list[OptionStatus], Field(max_length=8)] = Field(
        default=[], description="The buttons."
    )


class QuestionStatus(Resource):
    id: Annotated[str, StringConstraints(max_length=64)] = Field(description="What `answer.questionID` says.")
    text: Message = Field(description="The question.")
    slots: Annotated[list[SlotStatus], Field(max_length=3)] = Field(
        default=[], description="What it is made of."
    )


class CountsStatus(Resource):
    rows_before: Count = Field(default=0, description="Rows of the version it started from.")
    rows_after: Count = Field(default=0, description="Rows of the new version.")
    rows_added: Count = Field(default=0, description="New rows.")
    rows_removed: Count = Field(default=0, description="Rows that are gone.")
    columns_added: Count = Field(default=0, description="New columns.")
    columns_removed: Count = Field(default=0, description="Columns that are gone.")
    cells_changed: Count = Field(default=0, description="Cells with another value.")
    cells_set_missing: Count = Field(default=0, description="Cells that became empty.")


class StagedStatus(Resource):
    commit: Commit = Field(description="What `approval.commit` says.")
    code: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="", description="Why it waits, for programs."
    )
    why: Message = Field(default="", description="Why it waits, for people.")
    counts: CountsStatus = Field(default=CountsStatus(), description="What it would change.")


class ResultStatus(Resource):
    commit: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="", description="The new version, if any."
    )
    result_id: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="", alias="resultID", description="A read-only result, if any."
    )
    branch: Annotated[str, StringConstraints(max_length=100)] = Field(
        default="", description="The branch that moved."
    )
    counts: CountsStatus = Field(default=CountsStatus(), description="What changed.")


class FailureStatus(Resource):
    class_: Annotated[str, StringConstraints(max_length=32)] = Field(
        alias="class", description="Failure class."
    )
    code: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="Code of the error, see the reference."
    )


class UsageStatus(Resource):
    prepare_milliseconds: Count = Field(default=0, description="Planning.")
    run_milliseconds: Count = Field(default=0, description="The run itself.")
    intake_milliseconds: Count = Field(default=0, description="Checking, typing and comparing the result.")
    peak_bytes: Count = Field(default=0, description="Memory of the run at its highest.")


_TERMINAL = "c.status == 'True' && (c.type == 'Complete' || c.type == 'Failed')"
_SAME = "n.type == c.type && n.status == c.status && n.reason == c.reason && n.lastTransitionTime == c.lastTransitionTime"


class AgentTaskStatus(Resource):
    model_config = {
        "json_schema_extra": rules(
            rule(f"!has(self.conditions) || self.conditions.filter(c, {_TERMINAL}).size() <= 1",
                 "a task ends once: Complete or Failed"),
            rule(f"!has(oldSelf.conditions) || oldSelf.conditions.filter(c, {_TERMINAL})"
                 f".all(c, has(self.conditions) && self.conditions.exists(n, {_SAME}))",
                 "how a task ended never changes"),
            rule("!has(oldSelf.result) || oldSelf.result.commit == '' || (has(self.result) && self.result.commit == oldSelf.result.commit)",
                 "the version a task made never changes"),
        )
    }  # fmt: skip
    observed_generation: Count = Field(default=0, description="Generation of `spec` this tells of.")
    conditions: Annotated[list[Condition], Field(max_length=8)] = Field(
        default=[], description="Where it stands; exactly one of Complete and Failed becomes True, once.",
        json_schema_extra=CONDITIONS,
    )  # fmt: skip
    phase: Phase | None = Field(
        default=None, description="Derived from the conditions, for columns and badges."
    )
    base_commit: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="", description="The version it starts from, resolved once."
    )
    attempt: Count = Field(default=0, description="Number of the current run.")
    pod_name: Short = Field(default="", description="The executor of the current attempt.")
    plan: PlanStatus | None = Field(default=None, description="What runs.")
    question: QuestionStatus | None = Field(default=None, description="What is asked.")
    staged: StagedStatus | None = Field(default=None, description="A finished version that waits for a yes.")
    result: ResultStatus | None = Field(default=None, description="What a completed task leaves.")
    failure: FailureStatus | None = Field(default=None, description="Why it failed, for programs.")
    usage: UsageStatus | None = Field(default=None, description="What it used.")
    start_time: Time | None = Field(default=None, description="When the first run began.")
    completion_time: Time | None = Field(default=None, description="When it ended.")
    message: Message = Field(default="", description="The last sentence for a person.")


_UNCHANGED = "self.spec == oldSelf.spec || "
_SAID = "has(oldSelf.spec.{0}) && oldSelf.spec.{0} == self.spec.{0}"
_OVER = f"has(self.status) && has(self.status.conditions) && self.status.conditions.exists(c, {_TERMINAL})"
# A new object has no status whatever its maker writes, and one that asks for something has had one ever since: what is said
# with the object is an answer to nothing. No rule with `oldSelf` is looked at when an object is made.
_BEFOREHAND = "!has(self.spec.{0}) || has(self.status)"
ROOT_RULES: dict[str, Any] = rules(
    rule(
        _BEFOREHAND.format("answer"),
        "a new task cannot bring an answer: nothing was asked yet; see status.question",
    ),
    rule(
        _BEFOREHAND.format("approval"),
        "a new task cannot bring a yes: there is no version yet; see status.staged",
    ),
    rule(
        _UNCHANGED + "!has(self.spec.answer) || (" + _SAID.format("answer") + ") || "
        "(has(self.status) && has(self.status.question) && self.status.question.id == self.spec.answer.questionID)",
        "there is no such open question; see status.question.id",
    ),
    rule(
        _UNCHANGED + "!has(self.spec.approval) || (" + _SAID.format("approval") + ") || "
        "(has(self.status) && has(self.status.staged) && self.status.staged.commit == self.spec.approval.commit)",
        "no such version waits for a yes; see status.staged.commit",
    ),
    rule(
        _UNCHANGED + f"self.spec.desiredState == oldSelf.spec.desiredState || !({_OVER})",
        "the task is over and can no longer be cancelled",
    ),
)


class AgentTask(Resource):
    """One job on one dataset: from words, a plan, a script or a file to a new version."""

    kind_name: ClassVar[str] = "AgentTask"
    spec: AgentTaskSpec = Field(description="What is wanted.")
    status: AgentTaskStatus | None = Field(default=None, description="What the operator tells of it.")
