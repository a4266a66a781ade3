"""A real HTTP server on loopback that speaks the shape of OpenAI's chat completions and honours one rung."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from retort_planner.model.client import Endpoint, ModelClient, Rung


def schema_of(body: dict[str, Any], rung: Rung) -> dict[str, Any] | None:
    """The schema of a request if it was asked for in the way `rung` says."""
    form = body.get("response_format") or {}
    if rung is Rung.json_schema and form.get("type") == "json_schema":
        return form["json_schema"]["schema"]
    if rung is Rung.json_object and form.get("type") == "json_object":
        return form.get("schema")
    if rung is Rung.structured_outputs and "structured_outputs" in body:
        return body["structured_outputs"]["json"]
    return None


@dataclass
class Model:
    """Answers in order from `says`; a probe (an enum of one word) is answered only through the honoured rung."""

    honours: Rung = Rung.json_schema
    rejects: tuple[Rung, ...] = ()
    says: list[str] = field(default_factory=list)
    status: int = 200
    seen: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, body: dict[str, Any]) -> tuple[int, str]:
        self.seen.append(body)
        if self.status != 200 or any(schema_of(body, rung) is not None for rung in self.rejects):
            return self.status if self.status != 200 else 400, "refused"
        schema = schema_of(body, self.honours)
        word = ((schema or {}).get("properties") or {}).get("word")
        if word is not None:
            return 200, json.dumps({"word": word["enum"][0]})
        return 200, self.says.pop(0) if self.says else "Hello!"


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[ModelClient, Model]]]:
    servers: list[tuple[ThreadingHTTPServer, threading.Thread, ModelClient]] = []

    def start(**behaviour: Any) -> tuple[ModelClient, Model]:
        model = Model(**behaviour)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, text = model.answer(body)
                reply = {
                    "id": "1", "object": "chat.completion", "created": 0, "model": "m",
                    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
                    "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
                }  # fmt: skip
                payload = json.dumps(reply if status == 200 else {"error": {"message": text}}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        client = ModelClient(Endpoint(url=f"http://127.0.0.1:{server.server_port}/v1", model="m", seconds=5))
        servers.append((server, thread, client))
        return client, model

    yield start
    for server, thread, client in servers:
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()
