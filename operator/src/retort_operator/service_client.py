"""The service and the broker as the operator asks them; see `retort_core.http.internal` for what is said."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import aiohttp
import structlog
from pydantic import BaseModel, ValidationError

from retort_core.errors import Conflict, Infrastructure, NotFound, PolicyDenied, RetortError
from retort_core.http import internal as routes
from retort_core.http.internal import (
    AttemptPut,
    CommitFact,
    CommitFeed,
    InternalEvent,
    OpenTasks,
    TaskPut,
    TaskSeen,
)
from retort_operator.metrics import Metrics
from retort_operator.unreadable import faults

log = structlog.get_logger(__name__)
TIMEOUT: Final = aiohttp.ClientTimeout(total=15, sock_connect=3)
# A comment line comes at least every 15 s; a stream that says nothing for longer is dead.
STREAM: Final = aiohttp.ClientTimeout(total=None, sock_connect=3, sock_read=45)
CONNECTIONS: Final = 64
VANISHED_SECONDS: Final = 6
PAGE: Final = 200


class Heard(NamedTuple):
    """One event and its place in the stream; None where a newer service says what nobody here can read."""

    seq: int
    event: InternalEvent | None


@dataclass
class Newer(Exception):
    """The service knows more than this was decided on."""

    seen: TaskSeen


class Refused(Infrastructure):
    """The service answered something that nobody here can act on; tried again later."""

    code = "service-refused"


class Unacceptable(Refused):
    """The service answers, and what it was told it will not take. Of another release for a while, or for good."""


def lively(info: tuple[Any, Any, int, str, Any]) -> socket.socket:
    """One that notices within some six seconds when the other end vanished without a word, as a Pod does that is deleted by
    force, or with its node. Else each connection kept to it costs the next request its whole time-out, the stream of events 45 s."""
    family, kind, protocol, _, _ = info
    found = socket.socket(family, kind, protocol)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, VANISHED_SECONDS // 3)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, VANISHED_SECONDS // 3)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_SECONDS * 1000)
    return found


class Service:
    def __init__(self, api: str, broker: str, token: str, metrics: Metrics) -> None:
        self._api, self._broker, self._metrics = api.rstrip("/"), broker.rstrip("/"), metrics
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=30, socket_factory=lively),
            headers=self._headers,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def put(self, body: TaskPut) -> TaskSeen:
        """Raises Newer when the row moved on meanwhile."""
        url = self._api + routes.TASK.format(uid=body.task.uid)
        return TaskSeen.model_validate_json(await self._asked("put-task", "PUT", url, body))

    async def get(self, uid: str) -> TaskSeen | None:
        try:
            raw = await self._asked("get-task", "GET", self._api + routes.TASK.format(uid=uid))
        except NotFound:
            return None
        return TaskSeen.model_validate_json(raw)

    async def gone(self, uid: str) -> None:
        """The task's object is no more."""
        await self._asked("delete-task", "DELETE", self._api + routes.TASK.format(uid=uid))

    async def open_tasks(self) -> AsyncIterator[TaskSeen]:
        after = ""
        while True:
            url = f"{self._api}{routes.TASKS}?limit={PAGE}" + (f"&after={after}" if after else "")
            page = OpenTasks.model_validate_json(await self._asked("list-tasks", "GET", url))
            for one in page.items:
                yield one
            after = page.after
            if not after:
                return

    async def run(self, uid: str, attempt: int, body: AttemptPut) -> None:
        """Raises Conflict when the broker knows that this attempt is over, NotFound when there is no such task."""
        url = self._broker + routes.ATTEMPT.format(uid=uid, attempt=attempt)
        await self._asked("put-attempt", "PUT", url, body)

    async def commits(self, after: int, limit: int = 500) -> CommitFeed:
        """Without what cannot be read; there is no more where its `after` is the one that was asked for."""
        url = f"{self._api}{routes.COMMITS}?after={after}&limit={limit}"
        return _feed(await self._asked("list-commits", "GET", url))

    @asynccontextmanager
    async def listening(self, after: int | None) -> AsyncIterator[AsyncIterator[Heard]]:
        """Entered once the service sends what comes after `after`, or after now; the events end when the stream does."""
        assert self._session is not None
        url = self._api + routes.EVENTS + (f"?after={after}" if after is not None else "")
        async with self._session.get(
            url, timeout=STREAM, headers={"Accept": "text/event-stream"}
        ) as response:
            if response.status != 200:
                raise Refused(f"the event stream answered {response.status}")
            yield _events(response.content)

    async def _asked(self, call: str, method: str, url: str, body: BaseModel | None = None) -> bytes:
        assert self._session is not None
        data = body.model_dump_json(exclude_defaults=True).encode() if body is not None else None
        headers = {"Content-Type": "application/json"} if data is not None else {}
        began, code = time.monotonic(), "none"
        try:
            async with self._session.request(
                method, url, data=data, headers=headers, timeout=TIMEOUT
            ) as response:
                raw, code = await response.read(), str(response.status)
                if response.status >= 400:
                    raise _problem(response.status, raw)
                return raw
        except (TimeoutError, aiohttp.ClientError) as problem:
            raise Refused(f"the service cannot be reached: {type(problem).__name__}") from None
        finally:
            self._metrics.service_seconds.labels(call, code).observe(time.monotonic() - began)


class _Feed(BaseModel):
    """A CommitFeed before anybody looks into its items."""

    items: list[dict[str, Any]]
    after: int


def _feed(raw: bytes) -> CommitFeed:
    """One that a newer service writes in its own way is left out, the others are as good as ever."""
    try:
        feed = _Feed.model_validate_json(raw)
    except ValidationError as problem:
        raise Refused(f"the feed of versions cannot be read: {', '.join(faults(problem))}") from None
    items: list[CommitFact] = []
    told: list[str] = []
    for one in feed.items:
        try:
            items.append(CommitFact.model_validate(one))
        except ValidationError as problem:
            told = told or faults(problem)
    if told:
        log.error("commits_unreadable", count=len(feed.items) - len(items), until=feed.after, first=told)
    return CommitFeed(items=tuple(items), after=feed.after)


async def _events(lines: AsyncIterable[bytes]) -> AsyncIterator[Heard]:
    """What cannot be read is passed by like what can: a stream cut there would be cut there again at once, for ever."""
    seq = 0
    async for line in lines:
        if not line.endswith(b"\n"):
            return  # half a line: the stream was cut in it, and it comes again
        name, _, value = line.strip().partition(b":")
        if name == b"id" and value.strip().isdigit():
            seq = int(value)
        elif name == b"data":
            try:
                event = InternalEvent.model_validate_json(value)
            except ValidationError as problem:
                log.error("event_unreadable", seq=seq, faults=faults(problem))  # noqa: TRY400 - it would show the value
                if seq:
                    yield Heard(seq, None)
            else:
                seq = event.seq
                yield Heard(seq, event)


def _problem(status: int, raw: bytes) -> Exception:
    try:
        found = json.loads(raw)
        detail, details = str(found.get("detail", "")), found.get("details") or {}
    except (ValueError, AttributeError):
        detail, details = raw[:200].decode("utf-8", "replace"), {}
    if status == 409 and "seen" in details:
        return Newer(TaskSeen.model_validate(details["seen"]))
    kinds: dict[int, type[RetortError]] = {
        400: Unacceptable, 401: PolicyDenied, 403: PolicyDenied, 404: NotFound, 409: Conflict, 413: Unacceptable,
        422: Unacceptable,
    }  # fmt: skip
    return kinds.get(status, Refused)(detail or f"the service answered {status}", status=status)
