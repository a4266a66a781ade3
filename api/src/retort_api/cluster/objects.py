"""An AgentTask for a task that was asked for over HTTP. Pure.

Its name follows from the Idempotency-Key where there is one, so that asking again finds the same object; and its uid,
which the API server gives, is the task's.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from pydantic import BaseModel, ValidationError

from retort_api.tasks.records import TaskRecord
from retort_core.errors import LimitExceeded
from retort_core.lifecycle.sources import Source
from retort_core.resources.labels import API_VERSION
from retort_core.resources.v1alpha1 import (
    AgentTaskSpec,
    CommandSource,
    InstructionSource,
    PlanSource,
    RestoreSource,
    ScriptSource,
    TaskSource,
    UploadSource,
)


def manifest(task: TaskRecord, namespace: str, dataset: str, key: str = "") -> dict[str, Any]:
    """Raises LimitExceeded for a source that does not belong into an object."""
    try:
        spec = AgentTaskSpec(
            source=_source(task.source),
            dataset_name=dataset,
            base=task.base,
            branch=task.branch,
            review=task.review,
            requester=task.requester,
            lang=task.lang,
            conversation=task.conversation,
            active_deadline_seconds=task.deadline_seconds,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise LimitExceeded(f"This is too much for one task ({where}: {first['msg']}).") from None
    return {
        "apiVersion": API_VERSION,
        "kind": "AgentTask",
        "metadata": {"name": name_of(task, namespace, key), "namespace": namespace},
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def name_of(task: TaskRecord, namespace: str, key: str) -> str:
    if not key:
        return f"t-{uuid.UUID(task.uid)}"
    return "k-" + hashlib.sha256(f"{namespace}\0{task.dataset}\0{key}".encode()).hexdigest()[:40]


def _source(source: Source) -> TaskSource:
    given: dict[str, BaseModel] = {}
    if source.instruction is not None:
        given["instruction"] = InstructionSource(text=source.instruction.text)
    if source.plan is not None:
        given["plan"] = PlanSource(json=source.plan.plan.model_dump_json(), result=source.plan.result)
    if source.command is not None:
        given["command"] = CommandSource(verb=source.command.verb, args=_json(source.command.args))
    if source.script is not None:
        given["script"] = ScriptSource(source=source.script.source, title=source.script.title)
    if source.upload is not None:
        upload = source.upload
        given["upload"] = UploadSource(
            upload=upload.upload,
            filename=upload.filename,
            mode=upload.mode,
            key=list(upload.key),
            options=_json(upload.options),
        )
    if source.restore is not None:
        given["restore"] = RestoreSource(commit=source.restore.commit)
    return TaskSource.model_validate(
        {name: one.model_dump(by_alias=True, exclude_none=True) for name, one in given.items()}
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""
