"""What every command works at: the service, the dataset in use, the console, and how replies are shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType

from retort_client import rendering
from retort_client.cli import state
from retort_client.session import Client, DatasetClient, to_json
from retort_client.words import WORDS, say, system_lang
from retort_core.errors import BadInput
from retort_core.http.tasks import Task
from retort_core.plans import Lang

Json = Annotated[bool, typer.Option("--json", help="Print the reply as JSON, for programs.")]
Ref = Annotated[
    str, typer.Argument(help="A version: prefix of its id, a branch, a tag, or one of these with ~N.")
]
# Shell convention: 0 done, 1 refused or failed, 2 wrong usage, 3 waits for an answer.
EXIT_WAITS = 3


@dataclass
class Desk:
    """Built once per command line from the global options."""

    client: Client
    lang: Lang
    chosen: str = ""  # --dataset
    console: Console = field(default_factory=Console)

    @property
    def current(self) -> state.Current:
        return state.load(self.client.url)

    def remember(self, **changes: Any) -> None:
        state.save(self.client.url, self.current.model_copy(update=changes))

    def dataset(self) -> DatasetClient:
        name = self.chosen or self.current.dataset
        if not name:
            known = [dataset.name for dataset in self.client.datasets()]
            if len(known) != 1:
                listed = ", ".join(known) or say("none-yet", self.lang)
                raise BadInput(say("which-dataset", self.lang, known=listed))
            name = known[0]
        return self.client.dataset(name)

    def conversation(self, dataset: DatasetClient) -> str:
        """The dataset's conversation in this terminal; begun when there is none or the service forgot it."""
        known = self.current.conversations.get(dataset.name, "")
        if known and any(conversation.id == known for conversation in dataset.conversations()):
            return known
        begun = dataset.converse().id
        self.remember(conversations={**self.current.conversations, dataset.name: begun})
        return begun

    def branch(self, dataset: DatasetClient) -> str:
        """Where the conversation stands: 切换到… moves it."""
        known = self.current.conversations.get(dataset.name, "")
        for conversation in dataset.conversations() if known else []:
            if conversation.id == known:
                return conversation.branch
        return dataset.info().default_branch

    def show(
        self,
        renderable: RenderableType,
        reply: BaseModel | Sequence[Any],
        *,
        as_json: bool,
        whole: bool = False,
    ) -> None:
        """`whole`: lines stay lines however long they are; broken ones would tear a graph apart."""
        if as_json:
            sys.stdout.write(to_json(reply if isinstance(reply, BaseModel) else list(reply)) + "\n")
        else:
            self.console.print(renderable, soft_wrap=whole)

    def settle(self, task: Task, *, as_json: bool, quiet: bool = False) -> Task:
        """Wait for a task with a spinner, show what came of it, remember it when it waits for a person."""
        with self.console.status(say("working", task.lang)) if not (as_json or quiet) else _still():
            task = self.client.finish(task)
        self.remember(task=task.uid if task.phase == "AwaitingInput" else "")
        self.show(rendering.task_reply(task, task.lang), task, as_json=as_json)
        if not as_json and task.status.result is not None and task.status.result.result:
            self.show_result(task.status.result.result, task.lang)
        if task.phase == "Failed":
            raise typer.Exit(1)
        if task.phase == "AwaitingInput":
            raise typer.Exit(EXIT_WAITS)
        return task

    def show_result(self, uid: str, lang: Lang) -> None:
        result = self.client.result(uid)
        for part in result.parts:
            page = self.client.result_table(uid, part.name)
            self.console.print(rendering.result_table(page, lang, _part_title(part.name, result.title, lang)))


def _part_title(name: str, title: str, lang: Lang) -> str:
    return title if name == "table" else say(f"part-{name}", lang) if f"part-{name}" in WORDS else name


class _still:  # noqa: N801 - stands in for a spinner
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def desk(context: typer.Context) -> Desk:
    found: Desk = context.obj
    return found


def build(url: str, project: str, dataset: str, lang: str) -> Desk:
    language: Lang = "zh" if lang == "zh" else "en" if lang == "en" else system_lang()
    return Desk(client=Client(url, project), lang=language, chosen=dataset)
