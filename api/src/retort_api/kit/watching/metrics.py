"""What the service measures, for Prometheus. No label names a tenant, a person or a task: their number has no bound.

Counters and times are of this process and begin anew with it; add them up over replicas. What is read from the database
(`last_day`) is the same in every replica; take the largest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
LONG: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)


class Metrics:
    """One set a process, made by the main program and handed to whoever measures."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Histogram(
            "retort_http_request_seconds",
            "Requests by method, template of the path and status; of streams, how long they stayed open.",
            ("method", "route", "code"),
            registry=registry,
            buckets=SHORT,
        )
        self.tasks = Counter(
            "retort_service_tasks_total",
            "Tasks that ended, by what they were asked with and what came of them.",
            ("source", "outcome"),
            registry=registry,
        )
        self.task_seconds = Histogram(
            "retort_service_task_seconds",
            "From asking to the end, waiting for people included.",
            ("outcome",),
            registry=registry,
            buckets=LONG,
        )
        self.stage_seconds = Histogram(
            "retort_service_task_stage_seconds",
            "Of tasks that ended: their run, and the taking in of its result.",
            ("stage",),
            registry=registry,
            buckets=LONG,
        )
        self.model_calls = Counter(
            "retort_model_calls_total", "Requests to the language model.", ("outcome",), registry=registry
        )
        self.model_seconds = Histogram(
            "retort_model_seconds", "Requests to the language model.", registry=registry, buckets=LONG
        )
        self.model_tokens = Counter(
            "retort_model_tokens_total",
            "Tokens as the model's server counts them.",
            ("direction",),
            registry=registry,
        )
        self.active_users = Gauge(
            "retort_active_users", "People who asked for a task in the last 24 hours.", registry=registry
        )
        self.day_tasks = Gauge(
            "retort_tasks_last_day",
            "Tasks of the last 24 hours by what came of them.",
            ("outcome",),
            registry=registry,
        )
        self.success = Gauge(
            "retort_task_success_ratio",
            "Completed among the tasks of the last 24 hours that ended and were not cancelled; NaN without any.",
            registry=registry,
        )

    def request(self, method: str, route: str, code: int, seconds: float) -> None:
        self.requests.labels(method, route, str(code)).observe(seconds)

    def task_over(self, source: str, outcome: str, seconds: float, stages: Mapping[str, float]) -> None:
        self.tasks.labels(source, outcome).inc()
        self.task_seconds.labels(outcome).observe(max(0.0, seconds))
        for stage, took in stages.items():
            if took:
                self.stage_seconds.labels(stage).observe(took)

    def model_call(self, outcome: str, seconds: float, tokens_in: int, tokens_out: int) -> None:
        self.model_calls.labels(outcome).inc()
        self.model_seconds.observe(seconds)
        self.model_tokens.labels("in").inc(tokens_in)
        self.model_tokens.labels("out").inc(tokens_out)

    def last_day(self, users: int, outcomes: Mapping[str, int]) -> None:
        self.active_users.set(users)
        for outcome in ("complete", "failed", "cancelled", "open"):
            self.day_tasks.labels(outcome).set(outcomes.get(outcome, 0))
        ended = outcomes.get("complete", 0) + outcomes.get("failed", 0)
        self.success.set(outcomes.get("complete", 0) / ended if ended else float("nan"))

    def unknown_day(self) -> None:
        """The database does not tell: old figures would be taken for new ones."""
        for gauge in (self.active_users, self.success):
            gauge.set(float("nan"))
        self.day_tasks.clear()

    def text(self) -> bytes:
        return generate_latest(self.registry)


def render() -> str:
    """The reference page of metrics."""
    lines = [
        "# Metrics of the service",
        "",
        "Of the service and the broker, at `/metrics` of the second port (see `RETORT_METRICS_PORT` in [settings](settings.md)).",
        "No label names a tenant, a person or a task.",
        "",
        "| metric | labels | meaning |",
        "|---|---|---|",
    ]
    for kind in ("requests", "tasks", "task_seconds", "stage_seconds", "model_calls", "model_seconds",
                 "model_tokens", "active_users", "day_tasks", "success"):  # fmt: skip
        found = getattr(Metrics(), kind)
        family = found.describe()[0]
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in found._labelnames)  # noqa: SLF001 - it has no public name
        lines.append(f"| `{name}` | {labels} | {family.documentation} |")
    return "\n".join(lines) + "\n"
