"""Telling: progress, previews and log lines of one run on their way to the event log, bounded whatever the sandbox says.

One writer, at most four transactions a second: what comes while it writes or rests goes into the next one together.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from retort_api.kit.database import Database
from retort_api.kit.signals import Signal, wait
from retort_api.tasks import events
from retort_api.tasks.events import EventKind
from retort_api.tasks.records import TaskRecord
from retort_core.errors import RetortError

log = structlog.get_logger(__name__)
PAUSE_SECONDS: Final = 0.25
LOG_LINES: Final = 200  # of a running script; the lines after them are not kept
LINE_LENGTH: Final = 4_000  # characters; a frame may bring a million
PREVIEWS: Final = 20  # of one run, which reads one file or a few
FACTS_BYTES: Final = 16 << 10  # a supervisor passes on 8 KiB


class Telling:
    """Called with what a sandbox says, as often as it likes. `close` writes what is left."""

    def __init__(self, database: Database, signal: Signal, task: TaskRecord) -> None:
        self._database, self._signal, self._task = database, signal, task
        self._last, self._lines, self._previews = time.monotonic(), 0, 0  # short runs have nothing to tell
        self._pending: list[tuple[EventKind, dict[str, Any]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def __call__(self, kind: str, facts: dict[str, Any]) -> None:
        line = self._line(kind, facts)
        if line is None:
            return
        self._pending.append(line)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        self._closing.set()
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)

    def _line(self, kind: str, facts: dict[str, Any]) -> tuple[EventKind, dict[str, Any]] | None:
        """None for what goes beyond the bounds."""
        if kind == "log":
            self._lines += 1
            text = str(facts.get("text", ""))[:LINE_LENGTH]
            return ("log", {"text": text}) if self._lines <= LOG_LINES else None
        if facts.get("stage") == "preview":
            self._previews += 1
            return _small("preview", _preview(facts)) if self._previews <= PREVIEWS else None
        if time.monotonic() - self._last < PAUSE_SECONDS:
            return None
        self._last = time.monotonic()
        return _small("progress", facts)

    async def _write(self) -> None:
        """Ends when there is nothing more to write; the next word begins another."""
        try:
            while self._pending:
                lines, self._pending = self._pending, []
                try:
                    await self._stored(lines)
                except (RetortError, SQLAlchemyError) as error:
                    # Its kind alone: what it says may hold cells.
                    log.warning("progress_not_stored", task=self._task.uid, kind=type(error).__name__)
                await wait(self._closing, PAUSE_SECONDS)
        finally:
            self._writer = None

    async def _stored(self, lines: list[tuple[EventKind, dict[str, Any]]]) -> None:
        task = self._task
        async with self._database.write() as connection:
            for kind, facts in lines:
                await events.add(
                    connection, kind, facts, task=task.uid, dataset=task.dataset, project=task.project
                )
        self._signal.notify("")  # progress ends nothing: who waits for the task's end sleeps on


def _small(kind: EventKind, facts: dict[str, Any]) -> tuple[EventKind, dict[str, Any]] | None:
    return (kind, facts) if len(json.dumps(facts, ensure_ascii=False).encode()) <= FACTS_BYTES else None


def _preview(facts: dict[str, Any]) -> dict[str, Any]:
    """What a reader says the file begins with: texts in lists, whatever it sent."""
    columns, rows = facts.get("columns"), facts.get("rows")
    return {
        "columns": [str(name) for name in columns] if isinstance(columns, list) else [],
        "rows": [
            [None if cell is None else str(cell) for cell in row] for row in rows if isinstance(row, list)
        ]
        if isinstance(rows, list)
        else [],
        **{name: facts[name] for name in ("total_rows", "total_columns") if isinstance(facts.get(name), int)},
    }
