"""The API server as plain dicts over HTTP: what the operator asks of it, counted, timed and tried again where it may be.

No typed client: it costs 50 MB of memory and four times the processor time a Pod. Requests that repeat harmlessly (all but
a creation with a generated name, which nothing here does) are tried again after 429, 5xx and broken connections; a creation
that meets its own earlier success answers 409, which callers take for one.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import aiohttp
import structlog

from retort_core.errors import Infrastructure
from retort_core.resources.labels import API_VERSION
from retort_operator.metrics import Metrics

log = structlog.get_logger(__name__)
Body: TypeAlias = dict[str, Any]
MERGE: Final = "application/merge-patch+json"
TRIES: Final = 4
PAUSE: Final = 0.1
TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=5)
CHUNK: Final = 500
METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
FORBIDDEN, NOT_FOUND, CONFLICT, INVALID = 403, 404, 409, 422
BROKEN: Final = (500, 502, 503, 504)
AWAY_SECONDS: Final = 1.0


class ApiError(Infrastructure):
    """What the API server answered instead; `code` is its HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message, status=code)
        self.http = code


@dataclass(frozen=True)
class Resource:
    """`prefix`: "/api/v1" or "/apis/GROUP/VERSION"."""

    prefix: str
    plural: str

    def path(self, namespace: str = "", name: str = "", sub: str = "") -> str:
        where = f"{self.prefix}/namespaces/{namespace}" if namespace else self.prefix
        parts = [where, self.plural, name, sub]
        return "/".join(part for part in parts if part)


AGENT_TASKS: Final = Resource(f"/apis/{API_VERSION}", "agenttasks")
DATA_COMMITS: Final = Resource(f"/apis/{API_VERSION}", "datacommits")
PROFILES: Final = Resource(f"/apis/{API_VERSION}", "executorprofiles")
PODS: Final = Resource("/api/v1", "pods")
NAMESPACES: Final = Resource("/api/v1", "namespaces")
EVENTS: Final = Resource("/apis/events.k8s.io/v1", "events")
LEASES: Final = Resource("/apis/coordination.k8s.io/v1", "leases")
POLICIES: Final = Resource("/apis/networking.k8s.io/v1", "networkpolicies")


class Cluster:
    """`session` carries the credentials; it is the one that the watches use too (see `access`). `back`: called when the API
    server does what it is asked again after it could not be reached or had errors of its own."""

    def __init__(self, session: aiohttp.ClientSession, server: str, metrics: Metrics) -> None:
        self._session, self._server, self._metrics = session, server.rstrip("/"), metrics
        self._away, self._answered = False, time.monotonic()
        self.back: Callable[[], None] = lambda: None

    async def get(self, resource: Resource, namespace: str, name: str) -> Body | None:
        """None when there is no such object."""
        try:
            return await self._asked("get", resource, resource.path(namespace, name))
        except ApiError as error:
            if error.http == NOT_FOUND:
                return None
            raise

    async def create(self, resource: Resource, namespace: str, body: Body) -> Body:
        return await self._asked("create", resource, resource.path(namespace), body=body)

    async def patch(
        self, resource: Resource, namespace: str, name: str, body: Body, *, sub: str = ""
    ) -> Body:
        """A merge patch; one with a resourceVersion in it is refused with 409 when that is not the current one."""
        return await self._asked(
            "patch", resource, resource.path(namespace, name, sub), body=body, kind=MERGE
        )

    async def replace(self, resource: Resource, namespace: str, name: str, body: Body) -> Body:
        return await self._asked("update", resource, resource.path(namespace, name), body=body)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str = "") -> None:
        """No error when it is gone; only the object of this `uid`, if one is given."""
        body: Body = {"preconditions": {"uid": uid}} if uid else {}
        try:
            await self._asked("delete", resource, resource.path(namespace, name), body=body)
        except ApiError as error:
            if error.http not in (NOT_FOUND, CONFLICT):
                raise

    async def delete_all(self, resource: Resource, namespace: str, selector: str) -> None:
        assert selector  # without one, everything would go
        await self._asked(
            "deletecollection", resource, resource.path(namespace), query={"labelSelector": selector}
        )

    async def pages(
        self, resource: Resource, namespace: str = "", selector: str = "", *, metadata: bool = False
    ) -> AsyncIterator[list[Body]]:
        """All objects, a chunk at a time; `metadata` alone is a tenth of the bytes."""
        query = {"limit": str(CHUNK)}
        if selector:
            query["labelSelector"] = selector
        accept = METADATA if metadata else ""
        while True:
            found = await self._asked("list", resource, resource.path(namespace), query=query, accept=accept)
            yield found.get("items") or []  # null where there is nothing, in lists of metadata
            more = found.get("metadata", {}).get("continue")
            if not more:
                return
            query["continue"] = more

    async def _asked(self, verb: str, resource: Resource, path: str, **rest: Any) -> Body:
        for attempt in range(1, TRIES + 1):
            try:
                return await self._once(verb, resource, path, **rest)
            except ApiError as error:
                if error.http not in (429, *BROKEN):
                    raise
                self._away |= error.http in BROKEN
                if attempt == TRIES:
                    raise
                wait = float(error.details.get("retry_after", 0))
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as problem:
                self._metrics.api_calls.labels(verb, resource.plural, "none").inc()
                self._away = True
                if attempt == TRIES:
                    raise ApiError(0, f"the API server cannot be reached: {type(problem).__name__}") from None
                wait = 0.0
            await asyncio.sleep(max(wait, PAUSE * 2**attempt))
        raise AssertionError("the last try returns or raises")

    def _heard(self) -> None:
        """It did what it was asked. One that has just started refuses (403) until it has read who may what; one that fails on
        some things and does others all the while was never away."""
        silent, self._answered = time.monotonic() - self._answered, time.monotonic()
        if self._away:
            self._away = False
            if silent > AWAY_SECONDS:
                log.info("api_server_back", silent=round(silent, 1))
                self.back()

    async def _once(
        self,
        verb: str,
        resource: Resource,
        path: str,
        *,
        body: Body | None = None,
        kind: str = "application/json",
        query: Mapping[str, str] | None = None,
        accept: str = "",
    ) -> Body:
        method = {"get": "GET", "list": "GET", "create": "POST", "patch": "PATCH", "update": "PUT"}.get(
            verb, "DELETE"
        )
        headers = {"Accept": accept or "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"], data = kind, dumps(body).encode()
        began = time.monotonic()
        async with self._session.request(
            method, self._server + path, data=data, headers=headers, params=query, timeout=TIMEOUT
        ) as response:
            raw = await response.read()
        self._metrics.api_seconds.labels(verb).observe(time.monotonic() - began)
        self._metrics.api_calls.labels(verb, resource.plural, str(response.status)).inc()
        if response.status >= 400:
            raise _error(response.status, raw, response.headers.get("Retry-After", ""))
        self._heard()
        found: Body = json.loads(raw) if raw else {}
        return found


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _error(status: int, raw: bytes, retry_after: str) -> ApiError:
    try:
        message = str(json.loads(raw).get("message", ""))
    except (ValueError, AttributeError):
        message = raw[:200].decode("utf-8", "replace")
    found = ApiError(status, message or f"the API server answered {status}")
    if retry_after.isdigit():
        found.details["retry_after"] = min(int(retry_after), 10)
    return found
