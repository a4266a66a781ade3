"""One HTTP session for everything the operator says to the API server, its watches included.

It bounds connections (HTTP/1.1 needs one for each request in flight), keeps the account's token fresh, and notes when each
watch last received anything, bookmarks included: kopf hides those from handlers, and they are what tells a quiet cluster
from a dead stream.
"""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import aiohttp
import kopf

from retort_core.errors import Infrastructure

CONNECTIONS: Final = 64
ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
TOKEN_SECONDS: Final = 30.0
_PLURAL: Final = re.compile(r"/([a-z]+)$")


class WatchAges:
    """Seconds since each watched resource was last heard of: its stream began, or bytes had come when somebody looked.

    Looked at by the probes, every few seconds. aiohttp's trace of received chunks does not tell of streams that are iterated.
    """

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}
        self._streams: dict[
            str, tuple[aiohttp.StreamReader, int]
        ] = {}  # by path: stream, bytes at the last look

    def heard(self, resource: str) -> None:
        self._heard[resource] = time.monotonic()

    def ages(self) -> dict[str, float]:
        for path, (stream, before) in self._streams.items():
            if stream.total_bytes != before:
                self._streams[path] = stream, stream.total_bytes
                self._note(path)
        now = time.monotonic()
        return {resource: now - at for resource, at in self._heard.items()}

    @property
    def oldest(self) -> float:
        return max(self.ages().values(), default=0.0)

    def trace(self) -> aiohttp.TraceConfig:
        found = aiohttp.TraceConfig()

        async def began(
            _: aiohttp.ClientSession, __: SimpleNamespace, end: aiohttp.TraceRequestEndParams
        ) -> None:
            if end.url.query.get("watch") == "true" and end.response.status == 200:
                self._streams[end.url.path] = end.response.content, end.response.content.total_bytes
                self._note(end.url.path)

        found.on_request_end.append(began)
        return found

    def _note(self, path: str) -> None:
        plural = _PLURAL.search(path)
        if plural is not None:
            self.heard(plural.group(1))


def connection() -> kopf.ConnectionInfo:
    """The Pod's own account, or the kubeconfig of a person who tries the operator out."""
    logger = logging.getLogger(__name__)
    settings = kopf.OperatorSettings()
    found = kopf.login_with_service_account(logger=logger, settings=settings)
    found = found or kopf.login_with_kubeconfig(logger=logger, settings=settings)
    if found is None:
        raise Infrastructure(
            "neither a service account nor a kubeconfig was found: the API server cannot be reached"
        )
    return found


def session(info: kopf.ConnectionInfo, ages: WatchAges) -> aiohttp.ClientSession:
    tls = info.as_ssl_context() if info.server.startswith("https") else True
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=tls, keepalive_timeout=60),
        headers={**info.as_http_headers(), "User-Agent": "retort-operator"},
        trace_configs=[ages.trace()],
    )


def refresh(found: aiohttp.ClientSession, path: Path = ACCOUNT) -> None:
    """Tokens of accounts are renewed in their file about once an hour."""
    if path.exists():
        found.headers["Authorization"] = f"Bearer {path.read_text().strip()}"
