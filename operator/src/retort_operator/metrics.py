"""What the operator measures, for Prometheus. No label names a tenant, a task or a Pod: their number has no bound."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
LAG: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 600)  # 2 s is promised
LONG: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)


class Metrics:
    """One set a process, made by the main program and handed to whoever measures."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.look_seconds = Histogram(
            "retort_look_seconds",
            "One look at one task: decisions and what they wait for.",
            registry=registry,
            buckets=SHORT,
        )
        self.wait_seconds = Histogram(
            "retort_look_wait_seconds",
            "From the reason for a look to its begin.",
            registry=registry,
            buckets=SHORT,
        )
        self.api_calls = Counter(
            "retort_api_requests_total",
            "Requests to the API server.",
            ("verb", "resource", "code"),
            registry=registry,
        )
        self.api_seconds = Histogram(
            "retort_api_request_seconds",
            "Requests to the API server.",
            ("verb",),
            registry=registry,
            buckets=SHORT,
        )
        self.service_seconds = Histogram(
            "retort_service_request_seconds",
            "Requests to service and broker.",
            ("call", "code"),
            registry=registry,
            buckets=SHORT,
        )
        self.pool = Gauge(
            "retort_executors", "Executors by profile and state.", ("profile", "state"), registry=registry
        )
        self.executors_made = Counter(
            "retort_executors_created_total", "Executors made.", ("profile",), registry=registry
        )
        self.executors_failed = Counter(
            "retort_executors_failed_total",
            "Executors that ended before they were ready.",
            ("profile",),
            registry=registry,
        )
        self.claim_seconds = Histogram(
            "retort_claim_seconds",
            "From the wish for an executor to the claimed one.",
            registry=registry,
            buckets=LONG,
        )
        self.queue_seconds = Histogram(
            "retort_queue_seconds",
            "From the task's creation to its first run.",
            registry=registry,
            buckets=LONG,
        )
        self.tasks_over = Counter(
            "retort_tasks_total",
            "Tasks that ended, by condition and reason.",
            ("condition", "reason"),
            registry=registry,
        )
        self.tasks_known = Gauge("retort_tasks_known", "Tasks in memory.", ("state",), registry=registry)
        self.task_seconds = Histogram(
            "retort_task_seconds",
            "From the task's creation to its terminal condition.",
            registry=registry,
            buckets=LONG,
        )
        self.watch_age = Gauge(
            "retort_watch_age_seconds", "Since the last event of a watch.", ("resource",), registry=registry
        )
        self.watch_missed = Counter(
            "retort_watch_missed_total",
            "What a listing knew of objects and the watch had not told.",
            ("resource",),
            registry=registry,
        )
        self.projection_lag = Histogram(
            "retort_projection_lag_seconds",
            "From publication to the DataCommit.",
            registry=registry,
            buckets=LAG,
        )
        self.nodes = Gauge("retort_nodes", "Nodes by what is proven of them.", ("state",), registry=registry)
        self.leader = Gauge("retort_leader", "1 while this process leads.", registry=registry)
        self.retries = Counter(
            "retort_retries_total", "Further attempts, by reason.", ("reason",), registry=registry
        )

    def text(self) -> bytes:
        return generate_latest(self.registry)

    @contextmanager
    def timed(self, histogram: Histogram) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            histogram.observe(time.monotonic() - began)


def render() -> str:
    """The reference page."""
    lines = ["# Metrics of the operator", "", "Made from `retort_operator.metrics`; do not edit.", ""]
    lines += ["| metric | kind | labels | what |", "|---|---|---|---|"]
    found = Metrics()
    for one in vars(found).values():
        if isinstance(one, Counter | Gauge | Histogram):
            (described,) = one.describe()
            name = described.name + ("_total" if described.type == "counter" else "")
            labels = ", ".join(f"`{label}`" for label in one._labelnames)  # noqa: SLF001 - there is no public way
            lines.append(f"| `{name}` | {described.type} | {labels} | {described.documentation} |")
    return "\n".join(lines) + "\n"
