"""Files on their way to a service: in pieces that are each safe once they are answered, gone on with after a cut.

A cut (no answer, or a service whose servers are away) is waited out, longer from try to try; then the service is asked how
far the file came. Sent again later, also by another process, the same file for the same purpose goes on where it stopped.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeVar
from urllib.parse import quote

import httpx2 as httpx
from pydantic import BaseModel

from retort_client.patience import patiently
from retort_client.problems import Refused
from retort_core.http import routes as paths
from retort_core.http.datasets import UploadSession
from retort_core.http.tasks import Task

WHOLE_BYTES: Final = 4 << 20  # up to here one request is simpler than three
CHUNK: Final = 1 << 20
CONFLICT: Final = 409
Answer = TypeVar("Answer", bound=BaseModel)


class Sender(Protocol):
    """Of a client: one request, whose refusal is raised; `session.Client` is one."""

    def request(
        self,
        method: str,
        template: str,
        *,
        names: dict[str, str],
        headers: dict[str, str] | None = None,
        **rest: Any,
    ) -> httpx.Response: ...


def send(
    client: Sender,
    dataset: str,
    path: Path,
    query: dict[str, str],
    on_bytes: Callable[[int], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Task:
    """The task that reads the file. `on_bytes`: how many more are safe."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE_BYTES:
            return _whole(client, dataset, path.name, file, query, on_bytes)
        return _Upload(client, dataset, sleep).run(path.name, file, size, query, on_bytes)


def _whole(
    client: Sender,
    dataset: str,
    name: str,
    file: BinaryIO,
    query: dict[str, str],
    told: Callable[[int], None],
) -> Task:
    def pieces() -> Iterator[bytes]:
        while piece := file.read(CHUNK):
            yield piece
            told(len(piece))

    reply = client.request(
        "POST", paths.UPLOADS, names={"dataset": dataset}, headers={"Filename": quote(name)}, params=query,
        content=pieces(),
    )  # fmt: skip
    return Task.model_validate_json(reply.content)


class _Upload:
    def __init__(self, client: Sender, dataset: str, sleep: Callable[[float], None]) -> None:
        self._client, self._dataset, self._sleep = client, dataset, sleep

    def run(
        self, name: str, file: BinaryIO, size: int, query: dict[str, str], told: Callable[[int], None]
    ) -> Task:
        headers = {"Filename": quote(name), "Upload-Length": str(size), "Repr-Digest": _digest(file)}
        session = patiently(lambda: self._begin(headers, query), self._sleep)
        told(session.offset)
        while session.offset < size:
            before = session.offset
            session = patiently(lambda now=session: self._next(now, file), self._sleep)  # type: ignore[misc]
            told(session.offset - before)
        return patiently(lambda: self._finish(session), self._sleep)

    def _begin(self, headers: dict[str, str], query: dict[str, str]) -> UploadSession:
        names = {"dataset": self._dataset}
        reply = self._client.request(
            "POST", paths.UPLOAD_SESSIONS, names=names, headers=headers, params=query
        )
        return UploadSession.model_validate_json(reply.content)

    def _next(self, session: UploadSession, file: BinaryIO) -> UploadSession:
        file.seek(session.offset)
        piece = file.read(session.part_bytes)
        headers = {"Upload-Offset": str(session.offset), "Content-Digest": _header(hashlib.sha256(piece))}
        try:
            return self._asked("PATCH", session, UploadSession, headers=headers, content=piece)
        except Refused as error:
            if error.problem.status != CONFLICT:
                raise
            return self._asked("GET", session, UploadSession)  # the piece had come, its reply had not

    def _finish(self, session: UploadSession) -> Task:
        return self._asked("POST", session, Task)

    def _asked(self, method: str, session: UploadSession, kind: type[Answer], **rest: Any) -> Answer:
        names = {"dataset": self._dataset, "session": session.id}
        reply = self._client.request(method, paths.UPLOAD_SESSION, names=names, **rest)
        return kind.model_validate_json(reply.content)


def _digest(file: BinaryIO) -> str:
    return _header(hashlib.file_digest(file, "sha256"))  # type: ignore[arg-type]  # a BinaryIO is enough


def _header(digest: Any) -> str:
    return f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
