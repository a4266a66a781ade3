"""A ride: one attempt of one task in one sandbox, what it may take and what it has used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from retort_api.runs.sandboxes import Sandbox
from retort_core.http.internal import RunLimits
from retort_core.lifecycle.statuses import Usage

LEAST_SECONDS: Final = 1.0  # of a job, however long those before it took
Progress = Callable[[str, dict[str, Any]], None]


@dataclass(kw_only=True)
class Ride:
    """One attempt of one task: its sandbox, where its progress goes, what it used. `limits`: of the sandbox's profile,
    where it has one; else the service's own hold."""

    attempt: str
    project: str
    sandbox: Sandbox
    progress: Progress
    limits: RunLimits | None = None
    usage: dict[str, float] = field(default_factory=dict)
    stored: int = 0  # bytes that the object store did not have before

    def used(self, **figures: float) -> None:
        for name, value in figures.items():
            old = self.usage.get(name, 0)
            self.usage[name] = max(old, value) if name == "peak_bytes" else old + value

    def seconds(self, own: float) -> float:
        """Those of a profile are for all jobs of the attempt together; `own` for each of them."""
        if self.limits is None:
            return own
        return max(LEAST_SECONDS, self.limits.seconds - self.usage.get("run_seconds", 0))

    @property
    def measured(self) -> Usage:
        whole = {"peak_bytes": int(self.usage.get("peak_bytes", 0))}
        return Usage(**{**self.usage, **whole})
