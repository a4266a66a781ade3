"""What the operator is told by its environment; the chart sets every one of them. Secrets come as files, never as values."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from retort_core.errors import BadInput

PREFIX = "RETORT_"


def _told(default: Any, text: str) -> Any:
    """A setting and what it is for; the reference page is made of these."""
    return field(default=default, metadata={"text": text})


@dataclass(frozen=True, kw_only=True)
class Settings:
    api_url: str = _told("http://127.0.0.1:8766", "the service's internal listener")
    broker_url: str = _told("http://127.0.0.1:8767", "the broker's listener")
    internal_token_file: str = _told("", "file of the shared secret of the internal listeners")
    session_key_file: str = _told("", "file of K, from which the session keys of executors are made")
    namespace: str = _told("default", "the operator's own namespace: its Lease")
    pod_name: str = _told("", "the operator's own Pod, in the Lease")
    pod_ip: str = _told(
        "", "address of the operator's own Pod, one of the targets that executors must not reach"
    )
    executors_namespace: str = _told("retort-executors", "where executors are made")
    project_namespaces: str = _told(
        "", "namespaces to serve, separated by commas; empty = all that are opted in"
    )
    running_per_project: int = _told(20, "runs of one project at a time")
    pending_per_project: int = _told(1000, "tasks of one project that are worked on at a time; the rest wait")
    ttl_seconds: int = _told(86_400, "when a finished task goes that does not say so itself")
    commits_kept: int = _told(50, "DataCommits a dataset; older versions stay in the service")
    health_port: int = _told(8080, "/livez and /readyz")
    metrics_port: int = _told(9090, "/metrics")
    lease_seconds: int = _told(15, "how long a silent leader is waited for")
    resync_seconds: int = _told(30, "how often everything is looked at again")
    proof_seconds: int = _told(3600, "how long a proof of isolation of a node holds")
    probe_targets: str = _told(
        "", "further addresses that executors must not reach: name=host:port, separated by commas"
    )
    create_per_second: int = _told(20, "executors made in a second at most")

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.project_namespaces.split(",") if part.strip())

    @property
    def identity(self) -> str:
        return self.pod_name or socket.gethostname()

    def secret(self, name: str) -> bytes:
        """Content of one of the files, without the white space around it."""
        path = getattr(self, name)
        if not path:
            raise BadInput(f"{PREFIX}{name.upper()} is not set: it names the file of a secret")
        try:
            found = Path(path).read_bytes().strip()
        except OSError as problem:
            raise BadInput(f"{PREFIX}{name.upper()}: {problem.strerror}: {path}") from None
        if len(found) < 16:
            raise BadInput(f"{PREFIX}{name.upper()}: the secret in {path} is shorter than 16 bytes")
        return found


def from_environment(environment: Mapping[str, str]) -> Settings:
    given: dict[str, Any] = {}
    for one in fields(Settings):
        text = environment.get(PREFIX + one.name.upper())
        if text is None or text == "":
            continue
        given[one.name] = _number(one.name, text) if one.type in ("int", int) else text
    return Settings(**given)


def _number(name: str, text: str) -> int:
    try:
        found = int(text)
    except ValueError:
        raise BadInput(f"{PREFIX}{name.upper()} must be a whole number, not {text!r}") from None
    if found < 0:
        raise BadInput(f"{PREFIX}{name.upper()} must not be negative")
    return found


def render() -> str:
    """The reference page."""
    head = "# Settings of the operator\n\nEnvironment variables; the chart sets them. Made from `retort_operator.settings`.\n\n"
    rows = [
        f"| `{PREFIX}{one.name.upper()}` | `{one.default}` | {one.metadata['text']} |"
        if one.default != ""
        else f"| `{PREFIX}{one.name.upper()}` | | {one.metadata['text']} |"
        for one in fields(Settings)
    ]
    return head + "| variable | default | what |\n|---|---|---|\n" + "\n".join(rows) + "\n"
