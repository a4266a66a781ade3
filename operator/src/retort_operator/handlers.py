"""What kopf hands over, put where it belongs; nothing is decided or waited for here.

Raw events only: the higher handlers of the framework write annotations and finalizers into objects, three further writes a
task. Two sets of watches, because they look at different namespaces: the projects', and the executors' alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias, cast

import kopf

from retort_core.resources import labels

WORKERS: Final = 64
IDLE_SECONDS: Final = (
    0.05  # a worker holds its place this long after its last event: 5 s at 50 places are 11 events a second
)
CHUNK: Final = 500
REQUEST_SECONDS: Final = 30.0
BACKOFFS: Final = (0.2, 0.5, *(1.0,) * 60)  # seconds between the tries of one request
Raw: TypeAlias = Mapping[str, Any]
Handler: TypeAlias = Callable[..., Awaitable[None]]


class Receiver(Protocol):
    """Each is told the object, and whether it is gone."""

    def task(self, raw: Raw, *, gone: bool) -> None: ...
    def commit(self, raw: Raw, *, gone: bool) -> None: ...
    def pod(self, raw: Raw, *, gone: bool) -> None: ...
    def profile(self, raw: Raw, *, gone: bool) -> None: ...
    def policy(self, raw: Raw, *, gone: bool) -> None: ...


def projects(receiver: Receiver) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    kopf.on.event(labels.GROUP, labels.VERSION, "agenttasks", registry=registry, id="task")(
        _handler(receiver.task)
    )
    kopf.on.event(labels.GROUP, labels.VERSION, "datacommits", registry=registry, id="commit")(
        _handler(receiver.commit)
    )
    return registry


def executors(receiver: Receiver) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    kopf.on.event("v1", "pods", registry=registry, id="pod")(_handler(receiver.pod))
    kopf.on.event(labels.GROUP, labels.VERSION, "executorprofiles", registry=registry, id="profile")(
        _handler(receiver.profile)
    )
    kopf.on.event("networking.k8s.io", "v1", "networkpolicies", registry=registry, id="policy")(
        _handler(receiver.policy)
    )
    return registry


def _handler(receive: Callable[..., None]) -> Handler:
    async def handle(event: Mapping[str, Any], **_: Any) -> None:
        receive(event["object"], gone=event["type"] == "DELETED")

    return handle


class NoDiffs(kopf.DiffBaseStorage):
    """Raw events need no differences; the usual storage copies every object twice at every event to find them."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None) -> kopf.BodyEssence:  # noqa: ARG002 - the base class names it
        return cast("kopf.BodyEssence", {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Nothing is written into objects."""


def settings() -> kopf.OperatorSettings:
    """`BACKOFFS` instead of 1, 1, 2, 3, 5, 8 …: a restarted API server answers within seconds, and a watch that pauses for
    five then is what everybody waits for."""
    found = kopf.OperatorSettings()
    found.posting.enabled = False
    found.persistence.diffbase_storage = NoDiffs()
    found.scanning.disabled = True  # what is watched is known; looking for more would need further rights
    found.queueing.worker_limit = WORKERS
    found.queueing.idle_timeout = IDLE_SECONDS
    found.watching.chunk_size = CHUNK
    found.watching.label_selectors["v1", "pods"] = labels.ROLE
    found.networking.request_timeout = REQUEST_SECONDS
    found.networking.enforce_retry_after = True
    found.networking.error_backoffs = BACKOFFS
    found.execution.max_workers = 1  # nothing here runs in threads
    found.process.ultimate_exiting_timeout = None
    return found
