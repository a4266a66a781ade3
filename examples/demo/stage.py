"""The stage of the story: a service of its own, a person who speaks, and a list of figures that must be right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from retort_client import rendering
from retort_client.session import Client, DatasetClient
from retort_core.http.tasks import Task
from retort_core.http.versions import TablePage
from retort_core.lifecycle.sources import Answer

TOLERANCE = 1e-9


@contextmanager
def service() -> Iterator[tuple[Client, Path]]:
    """`retort up` in a folder that disappears afterwards; yields a client and the folder."""
    with tempfile.TemporaryDirectory(prefix="retort-demo-") as folder:
        command = [
            sys.executable,
            "-m",
            "retort_api.mains.embedded",
            "--home",
            f"{folder}/home",
            "--port",
            "0",
            "--json",
        ]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                sys.exit(f"The service did not start (exit status {process.wait()}).")
            client = Client(json.loads(line)["url"], seconds=120)
            yield client, Path(folder)
            client.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


@dataclass
class Stage:
    """One dataset, one conversation; everything said and answered is printed, every figure is checked."""

    client: Client
    console: Console
    folder: Path
    wrong: list[str] = field(default_factory=list)
    checked: int = 0
    dataset: DatasetClient = field(init=False)
    conversation: str = field(init=False)

    def open(self, name: str, data: bytes, filename: str) -> Task:
        path = self.folder / filename
        path.write_bytes(data)
        self.dataset = self.client.dataset(name)
        self.line(f"$ retort load {filename}", "bold")
        task = self.settle(self.dataset.upload(path))
        self.conversation = self.dataset.converse().id
        return task

    def say(self, text: str, answer: str = "", *, fails: bool = False) -> Task:
        """An instruction, and the answer given if it asks: part of a button's words, `yes`, or free words."""
        self.console.print()
        self.line(f"> {text}", "bold cyan")
        task = self.settle(self.dataset.say(self.conversation, text), fails=fails)
        if task.phase == "AwaitingInput" and answer:
            self.line(f">> {answer}", "bold cyan")
            task = self.settle(self.reply(task, answer), fails=fails)
        self.check(f"{text}: settled", task.phase, "Failed" if fails else "Complete")
        return task

    def reply(self, task: Task, words: str) -> Task:
        status = task.status
        if status.question is None and status.staged is not None:
            return self.client.approve(task.uid, status.staged.commit, approved=words == "yes")
        slots = status.question.slots if status.question else ()
        pressed = [next((o.id for o in slot.options if words in o.label), "") for slot in slots]
        choice = "+".join(pressed) if all(pressed) else ""
        return self.client.answer(task.uid, Answer(choice=choice) if choice else Answer(text=words))

    def settle(self, task: Task, *, fails: bool = False) -> Task:
        done = self.client.finish(task)
        self.console.print(rendering.task_reply(done, done.lang))
        if done.status.result is not None and done.status.result.result:
            self.console.print(rendering.result_table(self.table_of(done), done.lang))
        if done.phase == "Failed" and not fails:
            self.wrong.append(done.status.failure.message if done.status.failure else "failed")
        return done

    def table_of(self, task: Task, part: str = "table") -> TablePage:
        if task.status.result is None or not task.status.result.result:
            raise AssertionError(f"no table: {task.status.message}")
        return self.client.result_table(task.status.result.result, part)

    def chapter(self, title: str, text: str = "") -> None:
        self.console.print()
        self.console.print(
            Panel(Text(text) if text else "", title=title, title_align="left")
            if text
            else Text(title, "bold")
        )

    def line(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style=style))

    def check(self, what: str, found: object, expected: object) -> None:
        """Equal, or equal to within rounding for floats; a difference ends the story with exit status 1."""
        self.checked += 1
        close = (
            isinstance(found, float | int)
            and isinstance(expected, float)
            and abs(found - expected) <= TOLERANCE * max(1, abs(expected))
        )
        if not close and found != expected:
            self.wrong.append(f"{what}: {found!r}, planted truth {expected!r}")
            self.line(f"  ✗ {what}: {found!r} ≠ {expected!r}", "bold red")


def column(page: TablePage, name: str) -> list[object]:
    """Values of one column of a page."""
    index = [c.name for c in page.columns].index(name)
    return [row[index] for row in page.rows]
