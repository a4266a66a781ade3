"""The Kubernetes API, as much of it as tasks and projects need; `access.cluster.Cluster` is one."""

from __future__ import annotations

from typing import Any, Protocol


class Kubernetes(Protocol):
    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and object of the answer; raises Infrastructure when there is none."""
