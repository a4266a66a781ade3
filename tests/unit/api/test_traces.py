"""One trace a task: of the request that asked for it, else the one that bears the task's id."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from retort_api.kit.database import Database
from retort_api.kit.watching.tracing import Tracing
from retort_api.runs.traces import TaskTraces
from retort_api.tasks.records import TaskRecord
from retort_core.lifecycle.sources import RestoreSource, Source
from retort_core.traceparents import own_traceparent, traceparent_of

UID = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.asyncio
async def test_what_is_done_for_a_task_of_kubectl_lies_in_one_trace_that_bears_its_uid(
    database: Database,
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces = TaskTraces(tracing=Tracing(provider), database=database)
    task = TaskRecord(
        uid=UID, project="p1", dataset="d1", branch="main", base="", review="Auto", requester="me", lang="en",
        source=Source(restore=RestoreSource(commit="c0")), conversation="", deadline_seconds=60, created_at=datetime.now(UTC),
    )  # fmt: skip
    for name in ("prepare", "run", "promote"):
        async with traces.span(name, task):
            pass
    spans = exporter.get_finished_spans()
    assert [one.name for one in spans] == ["prepare", "run", "promote"]
    assert {f"{one.context.trace_id:032x}" for one in spans if one.context} == {UID}


@pytest.mark.parametrize("uid", ["", "t1", "0" * 32, "0" * 16 + "a" * 16, UID.upper(), UID + "0"])
def test_an_id_that_can_be_no_trace_begins_none(uid: str) -> None:
    assert own_traceparent(uid) == ""


@pytest.mark.parametrize(
    "given",
    ["", "x", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{UID}-{'0' * 16}-01", f"01-{UID}-00f067aa0ba902b7-01", f"00-{UID}-00f067aa0ba902b7-01\n"],
)  # fmt: skip
def test_a_trace_that_is_written_down_wrongly_is_none(given: str) -> None:
    other = "a" * 32
    assert traceparent_of(given, other) == own_traceparent(other)
    assert traceparent_of(f"00-{UID}-00f067aa0ba902b7-01", other).split("-")[1] == UID
