"""A dataset as a notebook works with it: load, say, look, compare, and take it out as a polars table.

    from retort_client import Dataset

    survey = Dataset("survey")              # at RETORT_URL, in RETORT_PROJECT
    survey.load("answers.csv")
    survey.say("drop rows where age is missing")
    survey.to_polars()

Every verb waits for its task. A task that fails raises `TaskFailed`, so that the cells below it do not run on data they were
not meant for; one that asks something returns, and its `answer`, `approve` or `refuse` goes on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from rich.console import Group, RenderableType

from retort_client import rendering
from retort_client.rendering.notebook import Shown, html_table
from retort_client.rendering.texts import plain
from retort_client.session import Client, DatasetClient
from retort_client.words import lang_of, say, system_lang
from retort_core.errors import BadInput, Conflict, RetortError
from retort_core.http.tasks import Task
from retort_core.http.versions import Commit, Diff, TablePage
from retort_core.lifecycle.sources import Answer, UploadMode

if TYPE_CHECKING:
    import polars as pl

PREVIEW = 10  # rows shown of a dataset


class TaskFailed(RetortError):
    """A task of this notebook failed; `task` has the whole of it."""

    def __init__(self, task: Task) -> None:
        failure = task.status.failure
        super().__init__(failure.message if failure is not None else task.status.message)
        self.task = task


class Dataset(Shown):
    """One dataset and one conversation about it; nothing is asked of the service before it is needed."""

    def __init__(self, name: str, client: Client | None = None, branch: str = "main") -> None:
        self.name, self.branch = name, branch
        self.client = client or Client()
        self._at: DatasetClient = self.client.dataset(name)
        self._conversation = ""

    # -- changing ------------------------------------------------------------------------------------------

    def load(self, path: str | Path, mode: UploadMode = "new", **options: str) -> Reply:
        """A file becomes a version; `mode` and `options` as in `retort load`."""
        return self._over(self._at.upload(Path(path), mode, {"branch": self.branch, **options}))

    def say(self, words: str) -> Reply:
        """What should happen to the data, or a question about it, in Chinese or English."""
        if not self._conversation:
            self._conversation = self._at.converse(self.branch).id
        return self._over(self._at.say(self._conversation, words))

    def _over(self, task: Task) -> Reply:
        task = self.client.finish(task)
        if task.phase == "Failed":
            raise TaskFailed(task)
        return Reply(self, task)

    # -- looking -------------------------------------------------------------------------------------------

    def to_polars(self, ref: str = "", columns: Sequence[str] = ()) -> pl.DataFrame:
        """The whole table of a version; a cell without a value is null. Needs `retort-client[polars]`."""
        try:
            import polars as pl
        except ImportError:
            raise BadInput("to_polars() needs polars: pip install 'retort-client[polars]'") from None
        query: dict[str, Any] = {"format": "parquet", "raw": "false"}
        with tempfile.TemporaryFile() as file:
            self._at.export(
                ref or self.branch, file, **query, **({"columns": list(columns)} if columns else {})
            )
            file.seek(0)
            return pl.read_parquet(file)

    def page(self, ref: str = "", offset: int = 0, limit: int = 20, columns: Sequence[str] = ()) -> TablePage:
        return self._at.table(ref or self.branch, offset, limit, tuple(columns))

    def diff(self, older: str = "", newer: str = "", limit: int = 50) -> Difference:
        """By default what the last step changed; counts are complete, `limit` is of the cells shown."""
        newer = newer or self.branch
        return Difference(self._at.diff(older or f"{newer}~1", newer, limit))

    @property
    def history(self) -> History:
        """Versions of the branch, newest first."""
        return History(tuple(self._at.commits(self.branch)))

    def __rich__(self) -> RenderableType:
        page = self.page(limit=PREVIEW)
        return rendering.table_page(page, system_lang(), self._title(page))

    def _repr_html_(self) -> str:
        try:
            page = self.page(limit=PREVIEW)
        except RetortError as error:
            return rendering.notebook.html(plain(error.message, "red"))
        return html_table(page, system_lang(), self._title(page))

    def _title(self, page: TablePage) -> str:
        return f"{self.name} · {self.branch} · {say('rows', system_lang(), n=page.total)}"

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, branch={self.branch!r})"


class Reply(Shown):
    """What came of a task."""

    def __init__(self, dataset: Dataset, task: Task) -> None:
        self.dataset, self.task = dataset, task

    @property
    def waits(self) -> bool:
        """Whether it asks something, or for a yes."""
        return self.task.phase == "AwaitingInput"

    @property
    def commit(self) -> str:
        """The version it made; empty for answers and questions."""
        return self.task.status.result.commit if self.task.status.result is not None else ""

    def answer(self, text_or_choice: str, *, remember: bool = False) -> Reply:
        """A button's id such as `o1`, or words."""
        question = self.task.status.question
        if question is None:
            raise Conflict(say("nothing-open", self.task.lang))
        chosen = {option.id for slot in question.slots for option in slot.options}
        is_choice = set(text_or_choice.split("+")) <= chosen
        given = {"choice": text_or_choice} if is_choice else {"text": text_or_choice}
        client = self.dataset.client
        return self._next(
            client.answer(self.task.uid, Answer(question=question.id, remember=remember, **given))
        )

    def approve(self) -> Reply:
        return self._decide(approved=True)

    def refuse(self) -> Reply:
        """Drops what was made; the dataset stays as it is. The task then counts as failed, which is what was asked for."""
        return self._decide(approved=False)

    def _decide(self, *, approved: bool) -> Reply:
        staged = self.task.status.staged
        if staged is None or not self.waits:
            raise Conflict(say("nothing-open", self.task.lang))
        task = self.dataset.client.approve(self.task.uid, staged.commit, approved=approved)
        if not approved:
            return Reply(self.dataset, self.dataset.client.finish(task))
        return self._next(task)

    def _next(self, task: Task) -> Reply:
        return self.dataset._over(task)  # noqa: SLF001 - of the same module

    def tables(self) -> dict[str, TablePage]:
        """Tables of a read-only answer, by name."""
        result = self.task.status.result
        if result is None or not result.result:
            return {}
        client = self.dataset.client
        return {
            part.name: client.result_table(result.result, part.name)
            for part in client.result(result.result).parts
        }

    def __rich__(self) -> RenderableType:
        lang = self.task.lang
        tables = [rendering.result_table(page, lang) for page in self.tables().values()]
        return Group(rendering.task_reply(self.task, lang), *tables)

    def _repr_html_(self) -> str:
        said = rendering.notebook.html(rendering.task_reply(self.task, self.task.lang))
        return said + "".join(html_table(page, self.task.lang) for page in self.tables().values())


class Difference(Shown):
    """What changed from one version to another; `found` has all of it."""

    def __init__(self, found: Diff) -> None:
        self.found = found

    def __rich__(self) -> RenderableType:
        return rendering.diff(self.found, system_lang())


class History(Shown, Sequence[Commit]):
    """Versions, newest first."""

    def __init__(self, commits: tuple[Commit, ...]) -> None:
        self._commits = commits

    def __len__(self) -> int:
        return len(self._commits)

    def __iter__(self) -> Iterator[Commit]:
        return iter(self._commits)

    @overload
    def __getitem__(self, at: int) -> Commit: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Commit]: ...
    def __getitem__(self, at: int | slice) -> Commit | Sequence[Commit]:
        return self._commits[at] if isinstance(at, int) else History(self._commits[at])

    def __rich__(self) -> RenderableType:
        lines = [rendering.commit_line(commit, lang_of(commit.title)) for commit in self]
        return Group(*lines)
