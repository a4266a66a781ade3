"""An OTLP receiver in a Pod beside the product, of the API's image: keeps what it is sent, and says it to whoever may `exec`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from collector import Collector
from tests.cluster.conftest import PYTHON
from tests.cluster.kube import Program

NAME, PORT = "span-collector", 4318
SERVER: Final = """
import base64, gzip, http.server, json
kept = []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        kept.append([self.headers["Content-Type"], base64.b64encode(body).decode()])
        self.answer(b"")
    def do_GET(self):
        self.answer(json.dumps(kept).encode())
http.server.ThreadingHTTPServer(("", 4318), Handler).serve_forever()
"""
ASK: Final = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:{PORT}', timeout=10).read().decode())"


class Spans:
    def __init__(self, system: Program) -> None:
        self._system = system
        self.url = f"http://{NAME}:{PORT}"

    def seen(self) -> Collector:
        """Everything that came so far."""
        found = Collector(self.url)
        for kind, body in json.loads(self._system("exec", NAME, "--", PYTHON, "-I", "-c", ASK)):
            take = found.take_json if kind == "application/json" else found.take
            take(base64.b64decode(body))
        return found


@contextmanager
def spans(system: Program, image: str) -> Iterator[Spans]:
    """`system`: kubectl inside of the product's namespace."""
    system.apply(_pod(image), _service())
    try:
        system("wait", f"pod/{NAME}", "--for=condition=Ready", "--timeout=60s")
        yield Spans(system)
    finally:
        system("delete", "pod,service", "-l", f"app={NAME}", "--grace-period=1")


def _pod(image: str) -> dict[str, Any]:
    inside = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "collector", "image": image, "command": [PYTHON, "-I", "-c", SERVER], "securityContext": inside,
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
    }  # fmt: skip
    security = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {
        "containers": [container], "securityContext": security, "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
    }  # fmt: skip
    about = {"name": NAME, "labels": {"app": NAME}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}


def _service() -> dict[str, Any]:
    spec = {"selector": {"app": NAME}, "ports": [{"port": PORT}]}
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME, "labels": {"app": NAME}}, "spec": spec,
    }  # fmt: skip
