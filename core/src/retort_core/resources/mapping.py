"""Between an AgentTask's `spec` and the values that the service and `decide` work with, both ways.

`task_source` is what the service writes when a task comes over HTTP; `source_of` is what the operator reads. What an
object cannot hold (more than 64 KiB of script or plan) is refused with a sentence: data and large code never enter etcd.
"""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import ValidationError

from retort_core.errors import BadInput
from retort_core.lifecycle import sources
from retort_core.plans import Command, Plan
from retort_core.resources import tasks

LARGEST: Final = 65_536  # bytes of a plan or script inside an object


def source_of(given: tasks.TaskSource) -> sources.Source:
    """Raises BadInput when the JSON inside is none, or no plan."""
    try:
        return _source_of(given)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadInput(f"spec.source cannot be used: {where}: {first['msg']}") from None


def _source_of(given: tasks.TaskSource) -> sources.Source:
    if given.instruction is not None:
        return sources.Source(instruction=sources.Instruction(text=given.instruction.text))
    if given.plan is not None:
        plan = Plan.model_validate_json(given.plan.json_)
        return sources.Source(plan=sources.PlanSource(plan=plan, result=given.plan.result))
    if given.command is not None:
        args = _object(given.command.args, "spec.source.command.args")
        return sources.Source(command=Command(verb=given.command.verb, args=args))
    if given.script is not None:
        return sources.Source(
            script=sources.ScriptSource(source=given.script.source, title=given.script.title)
        )
    if given.upload is not None:
        return sources.Source(upload=_upload(given.upload))
    if given.restore is not None:
        return sources.Source(restore=sources.RestoreSource(commit=given.restore.commit))
    raise BadInput(f"spec.source is empty: exactly one of {', '.join(tasks.KINDS)} must be given")


def _upload(given: tasks.UploadSource) -> sources.UploadSource:
    return sources.UploadSource(
        upload=given.upload,
        filename=given.filename,
        mode=given.mode,
        key=tuple(given.key),
        options=_object(given.options, "spec.source.upload.options"),
    )


def _object(text: str, where: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{where} is not JSON: {problem}") from None
    if not isinstance(found, dict):
        raise BadInput(f'{where} must be a JSON object, for example {{"name": "draft"}}')
    return found


def task_source(source: sources.Source) -> tasks.TaskSource:
    """What `source_of` reads back as the same; raises BadInput when it is too large for an object."""
    if source.instruction is not None:
        return tasks.TaskSource(instruction=tasks.InstructionSource(text=source.instruction.text))
    if source.plan is not None:
        text = source.plan.plan.model_dump_json(exclude_defaults=True)
        return tasks.TaskSource(
            plan=tasks.PlanSource(json_=_fitting(text, "plan"), result=source.plan.result)
        )
    if source.command is not None:
        args = json.dumps(source.command.args, ensure_ascii=False) if source.command.args else ""
        return tasks.TaskSource(command=tasks.CommandSource(verb=source.command.verb, args=args))
    if source.script is not None:
        text = _fitting(source.script.source, "script")
        return tasks.TaskSource(script=tasks.ScriptSource(source=text, title=source.script.title))
    if source.upload is not None:
        given = source.upload
        options = json.dumps(given.options, ensure_ascii=False) if given.options else ""
        found = tasks.UploadSource(
            upload=given.upload,
            filename=given.filename,
            mode=given.mode,
            key=list(given.key),
            options=options,
        )
        return tasks.TaskSource(upload=found)
    assert source.restore is not None
    return tasks.TaskSource(restore=tasks.RestoreSource(commit=source.restore.commit))


def _fitting(text: str, what: str) -> str:
    size = len(text.encode())
    if size > LARGEST:
        raise BadInput(
            f"the {what} has {size:,} bytes; an AgentTask holds at most {LARGEST:,}: split it in two"
        )
    return text


def answer_of(given: tasks.TaskAnswer | None) -> sources.Answer | None:
    if given is None:
        return None
    return sources.Answer(
        question=given.question_id,
        choice=given.choice or "",
        text=given.text or "",
        remember=given.scope == "Always",
    )


def approver_of(given: tasks.TaskApproval | None) -> sources.Approver | None:
    """Nobody, where nobody is named."""
    if given is None or not given.approver:
        return None
    return sources.Approver(name=given.approver, protected=given.applies_to == "ProtectedBranch")


def approval_of(given: tasks.TaskApproval | None) -> sources.Approval | None:
    if given is None:
        return None
    return sources.Approval(commit=given.commit, approved=given.decision == "Approved")
