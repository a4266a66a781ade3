"""The HTTP API as a typed Python object: blocking, one connection pool, problems raised as errors.

`Client` is one service and project; `DatasetClient` one dataset in it. Every reply is a model of
`retort_core.http`. A problem of the service becomes `Refused` with its code, sentence and facts.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import quote

import httpx2 as httpx
from pydantic import BaseModel

from retort_client import uploads
from retort_client.credentials import Bearer
from retort_client.patience import patiently
from retort_client.problems import Refused, Unreachable, raise_for_problem
from retort_core.http import routes as paths
from retort_core.http.datasets import About, Conversation, ConversationCreate, Dataset, MessageCreate
from retort_core.http.pages import Page
from retort_core.http.tasks import Event, Task, TaskCreate
from retort_core.http.versions import (
    Branch,
    BranchCreate,
    BranchMove,
    Commit,
    CommitDetail,
    CommitPlan,
    Diff,
    Graph,
    Quality,
    Result,
    TablePage,
)
from retort_core.lifecycle.sources import Answer, Approval, Source, UploadMode
from retort_core.plans import Suggestion
from retort_core.profiles import Profile

__all__ = ["Client", "DatasetClient", "Refused", "Unreachable", "to_json"]
DEFAULT_URL = "http://127.0.0.1:8765"
WAIT_SECONDS = 20  # one long poll; the server answers earlier when the task is over or asks
Reply = TypeVar("Reply", bound=BaseModel)


class Client:
    """A service at `url` and one of its projects."""

    def __init__(self, url: str = "", project: str = "", seconds: float = 60.0, token: str = "") -> None:
        """`token`: a bearer token or an API key; else RETORT_TOKEN, else what `retort login` was given."""
        self.url = (url or os.environ.get("RETORT_URL") or DEFAULT_URL).rstrip("/")
        self.project = project or os.environ.get("RETORT_PROJECT") or paths.DEFAULT_PROJECT
        auth = Bearer(self.url, token or os.environ.get("RETORT_TOKEN") or "")
        self._http = httpx.Client(base_url=self.url, timeout=seconds, auth=auth)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def about(self) -> About:
        return self.get(paths.ABOUT, About)

    def datasets(self) -> list[Dataset]:
        return list(self.pages(paths.DATASETS, Dataset))

    def dataset(self, name: str) -> DatasetClient:
        """A handle; nothing is asked of the service yet."""
        return DatasetClient(self, name)

    def task(self, uid: str, wait: float = 0) -> Task:
        return self.get(paths.TASK, Task, {"wait": wait} if wait else {}, task=uid)

    def finish(
        self,
        task: Task,
        on_wait: Callable[[Task], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Task:
        """Wait until the task is over or needs a person; a service that is started anew meanwhile is waited for too."""
        uid = task.uid
        while not task.over and task.phase != "AwaitingInput":
            task = patiently(lambda: self.task(uid, wait=WAIT_SECONDS), sleep)
            if on_wait is not None:
                on_wait(task)
        return task

    def answer(self, uid: str, answer: Answer) -> Task:
        return self.post(paths.TASK_ANSWER, Task, answer, task=uid)

    def approve(self, uid: str, commit: str, *, approved: bool = True) -> Task:
        return self.post(paths.TASK_APPROVAL, Task, Approval(commit=commit, approved=approved), task=uid)

    def cancel(self, uid: str) -> Task:
        return self.post(paths.TASK_CANCEL, Task, None, task=uid)

    def events(self, uid: str, after: int = 0) -> Iterator[Event]:
        """What happens to a task, until it is over or the server ends the stream."""
        headers = {"Last-Event-ID": str(after)} if after else {}
        with self.stream("GET", paths.TASK_EVENTS, headers=headers, names={"task": uid}) as reply:
            for line in reply.iter_lines():
                if line.startswith("data:"):
                    yield Event.model_validate_json(line[5:])

    def result(self, uid: str) -> Result:
        return self.get(paths.RESULT, Result, result=uid)

    def result_table(self, uid: str, part: str = "table") -> TablePage:
        return self.get(paths.RESULT_TABLE, TablePage, {"part": part, "limit": 1000}, result=uid)

    # The wire ------------------------------------------------------------------------------------------------

    def path(self, template: str, **names: str) -> str:
        return template.format(
            **{k: quote(v, safe="") for k, v in {"project": self.project, **names}.items()}
        )

    def get(
        self, template: str, reply: type[Reply], query: dict[str, Any] | None = None, **names: str
    ) -> Reply:
        return reply.model_validate_json(
            self.request("GET", template, params=query or {}, names=names).content
        )

    def post(self, template: str, reply: type[Reply], body: BaseModel | None, **names: str) -> Reply:
        content = body.model_dump_json() if body is not None else None
        return reply.model_validate_json(self.request("POST", template, content=content, names=names).content)

    def pages(
        self, template: str, item: type[Reply], query: dict[str, Any] | None = None, **names: str
    ) -> Iterator[Reply]:
        cursor = ""
        while True:
            asked = {**(query or {}), **({"cursor": cursor} if cursor else {})}
            page = self.get(template, Page[item], asked, **names)  # type: ignore[valid-type]
            yield from page.items
            cursor = page.next_cursor
            if not cursor:
                return

    def request(
        self,
        method: str,
        template: str,
        *,
        names: dict[str, str],
        headers: dict[str, str] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        given = {"Content-Type": "application/json"} if isinstance(rest.get("content"), str) else {}
        try:
            reply = self._http.request(
                method, self.path(template, **names), headers={**given, **(headers or {})}, **rest
            )
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        raise_for_problem(reply)
        return reply

    @contextmanager
    def stream(
        self,
        method: str,
        template: str,
        *,
        names: dict[str, str],
        headers: dict[str, str] | None = None,
        **rest: Any,
    ) -> Iterator[httpx.Response]:
        try:
            with self._http.stream(
                method, self.path(template, **names), headers=headers or {}, **rest
            ) as reply:
                if reply.is_error:
                    reply.read()
                    raise_for_problem(reply)
                yield reply
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"No Retort service answers at {self.url} ({type(error).__name__}). Start one with `retort up`, "
            "or name another with --url or RETORT_URL."
        )


class DatasetClient:
    """One dataset: its versions, branches, conversations and tasks."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name = name

    def info(self) -> Dataset:
        return self.client.get(paths.DATASET, Dataset, dataset=self.name)

    def upload(
        self,
        path: Path,
        mode: UploadMode = "new",
        options: dict[str, str] | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Task:
        """Send a file, going on after cuts; the task that reads it is returned at once."""
        query = {"mode": mode, **(options or {})}
        return uploads.send(self.client, self.name, path, query, on_bytes or (lambda _: None))

    def submit(self, source: Source, **rest: Any) -> Task:
        return self._post(paths.TASKS, Task, TaskCreate(source=source, **rest))

    def converse(self, branch: str = paths.DEFAULT_BRANCH) -> Conversation:
        return self._post(paths.CONVERSATIONS, Conversation, ConversationCreate(branch=branch))

    def conversations(self) -> list[Conversation]:
        return list(self.client.pages(paths.CONVERSATIONS, Conversation, dataset=self.name))

    def conversation(self, uid: str) -> Conversation:
        return self.client.get(paths.CONVERSATION, Conversation, dataset=self.name, conversation=uid)

    def say(self, conversation: str, text: str) -> Task:
        names = {"dataset": self.name, "conversation": conversation}
        return self.client.post(paths.MESSAGES, Task, MessageCreate(text=text), **names)

    def commits(self, branch: str = "") -> Iterator[Commit]:
        query = {"branch": branch} if branch else {}
        return self.client.pages(paths.COMMITS, Commit, query, dataset=self.name)

    def commit(self, ref: str) -> CommitDetail:
        return self._of(paths.COMMIT, CommitDetail, ref)

    def plan(self, ref: str) -> CommitPlan:
        return self._of(paths.COMMIT_PLAN, CommitPlan, ref)

    def script(self, ref: str) -> str:
        return self.client.request("GET", paths.COMMIT_SCRIPT, names={"dataset": self.name, "ref": ref}).text

    def table(self, ref: str, offset: int = 0, limit: int = 20, columns: tuple[str, ...] = ()) -> TablePage:
        query: dict[str, Any] = {"offset": offset, "limit": limit}
        if columns:
            query["columns"] = list(columns)
        return self.client.get(paths.COMMIT_TABLE, TablePage, query, dataset=self.name, ref=ref)

    def profile(self, ref: str) -> Profile:
        return self._of(paths.COMMIT_PROFILE, Profile, ref)

    def quality(self, ref: str, lang: str = "zh") -> Quality:
        return self.client.get(paths.COMMIT_QUALITY, Quality, {"lang": lang}, dataset=self.name, ref=ref)

    def suggestions(self, ref: str, lang: str = "zh") -> list[Suggestion]:
        names = {"dataset": self.name, "ref": ref}
        return list(self.client.pages(paths.COMMIT_SUGGESTIONS, Suggestion, {"lang": lang}, **names))

    def branches(self) -> list[Branch]:
        return list(self.client.pages(paths.BRANCHES, Branch, dataset=self.name))

    def branch(self, name: str, source: str = "") -> Branch:
        return self._post(paths.BRANCHES, Branch, BranchCreate(name=name, source=source))

    def move(self, name: str, head: str, expected: str) -> Branch:
        reply = self.client.request(
            "PUT",
            paths.BRANCH,
            names={"dataset": self.name, "branch": name},
            headers={"If-Match": f'"{expected}"'},
            content=BranchMove(head=head).model_dump_json(),
        )
        return Branch.model_validate_json(reply.content)

    def graph(self) -> Graph:
        return self.client.get(paths.GRAPH, Graph, dataset=self.name)

    def diff(self, older: str, newer: str, limit: int = 50, cursor: str = "") -> Diff:
        query = {"from": older, "to": newer, "limit": limit, **({"cursor": cursor} if cursor else {})}
        return self.client.get(paths.DIFF, Diff, query, dataset=self.name)

    def export(self, ref: str, target: BinaryIO, **query: str | list[str]) -> dict[str, int]:
        """Writes the file; what its format could not hold as it is, by code and count."""
        told = self._download(paths.COMMIT_EXPORT, target, query, {"dataset": self.name, "ref": ref})
        pairs = (part.partition("=") for part in told.split(",") if part)
        return {code: int(count) for code, _, count in pairs}

    def report(self, ref: str, target: BinaryIO, lang: str = "zh") -> None:
        self._download(paths.COMMIT_REPORT, target, {"lang": lang}, {"dataset": self.name, "ref": ref})

    def _download(
        self, template: str, target: BinaryIO, query: Mapping[str, str | list[str]], names: dict[str, str]
    ) -> str:
        with self.client.stream("GET", template, names=names, params=query) as reply:
            target.writelines(reply.iter_bytes())
            return reply.headers.get(paths.NOTES, "")

    def _of(self, template: str, reply: type[Reply], ref: str) -> Reply:
        return self.client.get(template, reply, dataset=self.name, ref=ref)

    def _post(self, template: str, reply: type[Reply], body: BaseModel) -> Reply:
        return self.client.post(template, reply, body, dataset=self.name)


def to_json(value: BaseModel | list[Any]) -> str:
    """Stable JSON of replies, for `--json`."""
    if isinstance(value, BaseModel):
        return value.model_dump_json(indent=2, by_alias=True)
    plain = [
        item.model_dump(mode="json", by_alias=True) if isinstance(item, BaseModel) else item for item in value
    ]
    return json.dumps(plain, ensure_ascii=False, indent=2)
