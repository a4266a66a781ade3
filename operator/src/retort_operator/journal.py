"""Events worth reading: what the status does not say at the end of a task. A good end is told by the status alone.

Bounded: a token bucket of ten a second; what is beyond is counted and dropped, because events are for people.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime
from typing import Final, Literal

import structlog

from retort_core.errors import RetortError
from retort_core.resources.labels import API_VERSION
from retort_operator.board import Entry
from retort_operator.cluster import EVENTS, Cluster

log = structlog.get_logger(__name__)
PER_SECOND: Final = 10.0
BURST: Final = 50.0


class Journal:
    def __init__(self, cluster: Cluster, identity: str) -> None:
        self._cluster, self._identity = cluster, identity
        self._tokens, self._at = BURST, time.monotonic()
        self._tasks: set[asyncio.Task[None]] = set()
        self.dropped = 0

    def note(self, entry: Entry, kind: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        now = time.monotonic()
        self._tokens, self._at = min(BURST, self._tokens + (now - self._at) * PER_SECOND), now
        if self._tokens < 1:
            self.dropped += 1
            return
        self._tokens -= 1
        task = asyncio.create_task(self._post(entry, kind, reason, message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, entry: Entry, kind: str, reason: str, message: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{entry.name[:200]}.{uuid.uuid4().hex[:16]}", "namespace": entry.namespace},
            "eventTime": now,
            "reportingController": "retort.dev/operator",
            "reportingInstance": self._identity[:128],
            "action": reason[:128],
            "reason": reason[:128],
            "type": kind,
            "note": message[:1024],
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": "AgentTask",
                "name": entry.name,
                "namespace": entry.namespace,
                "uid": entry.dashed,
            },
        }
        try:
            await self._cluster.create(EVENTS, entry.namespace, body)
        except RetortError as problem:
            log.info("event_not_posted", reason=reason, problem=problem.message)
