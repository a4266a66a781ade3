"""An OTLP receiver on loopback: takes what an exporter sends over HTTP and decodes it, as a collector does."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from answering import Answering, answering
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

# What a task leaves in its trace, and who sends it.
SENT_BY: Final = {
    "task": "retort-operator", "queue": "retort-operator", "claim": "retort-operator",
    "session": "retort-broker", "run": "retort-broker",
    "prepare": "retort-service", "promote": "retort-service",
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """One span; ids in hexadecimal. `service`: who sent it."""

    name: str
    trace: str
    id: str
    parent: str
    service: str
    attributes: dict[str, Any]
    failed: bool
    at: tuple[int, int]  # nanoseconds: begin, end


@dataclass
class Collector:
    url: str
    spans: list[Seen] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def take_json(self, body: bytes) -> None:
        """As the operator writes it: ids are hexadecimal, which protobuf's own JSON does not know."""
        self.bodies.append(body)
        for resource in json.loads(body)["resourceSpans"]:
            about = _json_values(resource["resource"]["attributes"])
            self.spans.extend(
                Seen(
                    span["name"], span["traceId"], span["spanId"], span["parentSpanId"], about["service.name"],
                    _json_values(span["attributes"]), span["status"].get("code") == 2,
                    (int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])),
                )
                for scope in resource["scopeSpans"] for span in scope["spans"]
            )  # fmt: skip

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = _values(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans.extend(_seen(span, str(about["service.name"])) for span in scope.spans)

    def named(self, name: str) -> list[Seen]:
        return [span for span in self.spans if span.name == name]


def _seen(span: Any, service: str) -> Seen:
    return Seen(
        span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), service,
        _values(span.attributes), span.status.code == 2, (span.start_time_unix_nano, span.end_time_unix_nano),
    )  # fmt: skip


def _json_values(attributes: list[Any]) -> dict[str, Any]:
    return {one["key"]: one["value"]["stringValue"] for one in attributes}


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    class Handler(Answering):
        def answer(self) -> None:
            body = self.body
            assert self.path == "/v1/traces"
            if self.headers.get("Content-Type") == "application/json":
                found.take_json(body)
                self.reply(b"{}", "application/json")
                return
            packed = self.headers.get("Content-Encoding") == "gzip"
            found.take(gzip.decompress(body) if packed else body)
            self.reply(ExportTraceServiceResponse().SerializeToString(), "application/x-protobuf")

    with answering(Handler) as url:
        found = Collector(url)
        yield found
