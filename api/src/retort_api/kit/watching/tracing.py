"""Spans of requests and tasks, sent to a collector over OTLP. Off, and free of cost, unless OTEL_EXPORTER_OTLP_ENDPOINT is set.

A caller's W3C `traceparent` is taken up. The request that asks for a task leaves its own with the task, so what is done for
it later, in another process too, is a child of that request. Spans hold methods, templates, numbers and ids of tasks: no
path, no query, no words of people, no message of an error.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_W3C: Final = TraceContextTextMapPropagator()


class Tracing:
    """`on`: whether spans go anywhere."""

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self.on = provider is not None
        self._tracer = (provider or trace.NoOpTracerProvider()).get_tracer("retort")

    @contextmanager
    def span(
        self,
        name: str,
        traceparent: str = "",
        kind: SpanKind = SpanKind.INTERNAL,
        **attributes: AttributeValue,
    ) -> Iterator[Span]:
        """Below `traceparent`, or of a trace of its own. An error ends it as failed, by its class alone."""
        parent = _W3C.extract({"traceparent": traceparent} if traceparent else {}, context=Context())
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            kind=kind,
            attributes={f"retort.{key}": value for key, value in attributes.items()},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


def traceparent() -> str:
    """Of the span that this is done in, to be passed on; empty outside of one."""
    carried: dict[str, str] = {}
    _W3C.inject(carried)
    return carried.get("traceparent", "")


@asynccontextmanager
async def tracing(
    part: str, version: str, environment: Mapping[str, str] = os.environ
) -> AsyncIterator[Tracing]:
    """`part`: the name of this process among traces, unless OTEL_SERVICE_NAME names it. What is left is sent at the end."""
    if not any(environment.get(name) for name in ENDPOINTS):
        yield Tracing()
        return
    provider = _exporting(environment.get("OTEL_SERVICE_NAME") or part, version)
    try:
        yield Tracing(provider)
    finally:
        provider.shutdown()  # the last thing of a process: there is nothing it could hold up


def _exporting(part: str, version: str) -> TracerProvider:
    """Loaded only where it is used: the exporter and its protocol take 0.2 s to import."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": part, "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
