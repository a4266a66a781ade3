"""What a process is looked at with, put together once in `mains/` and handed to whoever measures."""

from __future__ import annotations

from dataclasses import dataclass, field

from retort_api.kit.watching.metrics import Metrics
from retort_api.kit.watching.tracing import Tracing


@dataclass(frozen=True, kw_only=True)
class Watch:
    """`log_requests`: whether every request leaves a line."""

    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=Tracing)
    log_requests: bool = False
