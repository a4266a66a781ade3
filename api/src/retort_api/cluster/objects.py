"""Tasks asked for over HTTP, in a cluster: an AgentTask first, then its row, under the uid that the API server gives.

The rights of whoever asks are written down before the object is made, under its name: the operator may tell of the object
before we have written its row, and by then nobody may take the task for one whose requester was checked by admission.
A crash between the steps loses nothing: the operator tells of the object, and its row is made then.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository as members
from retort_api.cluster import promises
from retort_api.cluster.kubernetes import Kubernetes
from retort_api.cluster.promises import REUSED, promise_of
from retort_api.kit.database import Database
from retort_api.runs.traces import TRACEPARENT
from retort_api.tasks.records import TaskRecord
from retort_api.tasks.store import Wish
from retort_core.errors import BadInput, Conflict, Infrastructure, PolicyDenied, QuotaExceeded
from retort_core.resources import labels
from retort_core.resources.labels import API_VERSION
from retort_core.resources.mapping import task_source
from retort_core.resources.quotas import exceeded
from retort_core.resources.tasks import AgentTaskSpec

CREATED, FORBIDDEN, EXISTS = 201, 403, 409
# Of an object's spec: what its request asked for, and for whom.
ASKED: Final = {
    "source", "dataset_name", "base", "branch", "requester", "lang", "conversation", "active_deadline_seconds",
}  # fmt: skip
REFUSED: Final = {400: BadInput, 403: PolicyDenied, 404: BadInput, 422: BadInput}


class Objects:
    def __init__(self, database: Database, api: Kubernetes) -> None:
        self._database, self._api = database, api

    async def store(self, wish: Wish) -> TaskRecord:
        name = name_of(wish) if wish.key else f"t-{uuid.uuid4()}"
        body = manifest(wish, name)
        earlier = await self._database.transact(lambda connection: _promised(connection, wish, name))
        if earlier is not None:
            return earlier
        try:
            task = await self._made(wish, body)
        except (BadInput, PolicyDenied, QuotaExceeded):
            if (
                not wish.key
            ):  # under a key the same request may be on its way twice, and the other one be taken
                await self._database.transact(
                    lambda connection: members.forget_promise(connection, promise_of(wish.namespace, name))
                )
            raise
        return await self._database.transact(lambda connection: _written(connection, wish, task, name))

    async def _made(self, wish: Wish, body: dict[str, Any]) -> TaskRecord:
        path = f"/apis/{API_VERSION}/namespaces/{wish.namespace}/agenttasks"
        status, found = await self._api.call("POST", path, body)
        if status == EXISTS:
            status, found = await self._api.call("GET", f"{path}/{body['metadata']['name']}")
            if status == 200 and _asked(found) != _asked(body):
                raise Conflict(REUSED)
            status = CREATED if status == 200 else status
        if status != CREATED:
            raise _refusal(status, found)
        metadata = found["metadata"]
        created = datetime.fromisoformat(metadata["creationTimestamp"])
        return replace(wish.task, uid=str(metadata["uid"]).replace("-", ""), created_at=created)


async def _promised(connection: AsyncConnection, wish: Wish, name: str) -> TaskRecord | None:
    earlier = await wish.known(connection)
    if earlier is None:
        await wish.admitted(connection)
        asker = replace(wish.asker, task=promise_of(wish.namespace, name))
        await promises.give(connection, asker, promises.asked_of(wish.task, wish.dataset), datetime.now(UTC))
    return earlier


async def _written(connection: AsyncConnection, wish: Wish, task: TaskRecord, name: str) -> TaskRecord:
    """In the order in which the operator's word of the object has it written, so that neither waits for the other."""
    earlier = await wish.known(connection)  # the same request, twice at once
    if earlier is not None:
        return earlier
    await wish.written(connection, task)
    await members.forget_promise(connection, promise_of(wish.namespace, name))
    return task


def name_of(wish: Wish) -> str:
    """Of the object that a request with this Idempotency-Key makes."""
    named = f"{wish.namespace}\0{wish.dataset}\0{wish.key}"
    return "k-" + hashlib.sha256(named.encode()).hexdigest()[:40]


def manifest(wish: Wish, name: str) -> dict[str, Any]:
    """Raises BadInput for what an object cannot hold."""
    task = wish.task
    try:
        spec = AgentTaskSpec(
            source=task_source(task.source),
            dataset_name=wish.dataset,
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
        raise BadInput(f"An AgentTask cannot hold this ({where}: {first['msg']}).") from None
    return {
        "apiVersion": API_VERSION,
        "kind": "AgentTask",
        "metadata": {"name": name, "namespace": wish.namespace, **_traced(wish)},
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True),
    }


def _asked(found: dict[str, Any]) -> dict[str, Any]:
    """Nothing of an object that is no task any more."""
    try:
        return AgentTaskSpec.model_validate(found["spec"]).model_dump(include=ASKED)
    except ValidationError:
        return {}


def _traced(wish: Wish) -> dict[str, Any]:
    """So that what the operator does for the task lies in the trace of this request too."""
    found = wish.asker.facts.get(TRACEPARENT)
    return {"annotations": {labels.TRACEPARENT: found}} if found else {}


def _refusal(status: int, found: dict[str, Any]) -> Exception:
    words = str(found.get("message", "")) or f"the cluster answered {status}"
    if status == FORBIDDEN and (quota := exceeded(words)) is not None:
        return quota
    return REFUSED.get(status, Infrastructure)(f"The cluster does not take this task: {words}")
