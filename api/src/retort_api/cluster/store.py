"""Tasks asked for over HTTP, in a cluster: an AgentTask first, then its row, under one uid.

A crash between the two loses nothing: the operator tells of the object, and its row is made then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from retort_api.cluster.objects import manifest
from retort_api.tasks.records import TaskRecord
from retort_api.tasks.store import Place
from retort_core.errors import BadInput, Conflict, Infrastructure, PolicyDenied
from retort_core.resources.labels import API_VERSION

CREATED, EXISTS = 201, 409
REFUSED: Final = {400: BadInput, 403: PolicyDenied, 404: BadInput, 422: BadInput}


class Api(Protocol):
    """The Kubernetes API, as much of it as this needs; `access.cluster.Cluster` is one."""

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and object of the answer; raises Infrastructure when there is none."""


class Objects:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def admit(self, task: TaskRecord, place: Place, key: str) -> TaskRecord:
        body = manifest(task, place.project, place.dataset, key)
        path = f"/apis/{API_VERSION}/namespaces/{place.project}/agenttasks"
        status, found = await self._api.call("POST", path, body)
        if status == EXISTS:
            status, found = await self._api.call("GET", f"{path}/{body['metadata']['name']}")
            if status == 200 and found["spec"]["source"] != body["spec"]["source"]:
                raise Conflict("This Idempotency-Key was used for another request; use a new one.")
            status = CREATED if status == 200 else status
        if status != CREATED:
            raise _refusal(status, found)
        metadata = found["metadata"]
        created = datetime.fromisoformat(metadata["creationTimestamp"])
        return replace(task, uid=str(metadata["uid"]).replace("-", ""), created_at=created)


def _refusal(status: int, found: dict[str, Any]) -> Exception:
    words = str(found.get("message", "")) or f"the cluster answered {status}"
    return REFUSED.get(status, Infrastructure)(f"The cluster does not take this task: {words}")
