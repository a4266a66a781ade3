"""The history of a dataset held against itself: ids, parents, generations, refs and the reflog. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from retort_api.commits.records import CommitRecord, identifier
from retort_api.fsck.repository import Dataset, Ended
from retort_core.identity import short
from retort_core.names import staging
from retort_tables.fsck import Problem


def problems(history: Dataset, tasks: Iterable[Ended]) -> Iterator[Problem]:
    known = {record.id: record for record in history.commits}
    for record in history.commits:
        yield from _commit(record, known)
    yield from _refs(history, known)
    yield from _moves(history, known)
    yield from _tasks(history, tasks, known)


def _commit(record: CommitRecord, known: dict[str, CommitRecord]) -> Iterator[Problem]:
    where = f"commit {short(record.id)}"
    if identifier(record) != record.id:
        yield Problem(code="commit-altered", where=where, message="its facts no longer give its id")
    absent = [parent for parent in record.parents if parent not in known]
    for parent in absent:
        yield Problem(code="parent-missing", where=where, message=f"its parent {short(parent)} is not there")
    if not absent:
        generation = max((known[parent].generation + 1 for parent in record.parents), default=0)
        if record.generation != generation:
            yield Problem(
                code="generation-wrong",
                where=where,
                message=f"it says generation {record.generation}, its parents give {generation}",
            )


def _refs(history: Dataset, known: dict[str, CommitRecord]) -> Iterator[Problem]:
    for ref in history.refs:
        if ref.head not in known:
            yield Problem(
                code="ref-dangling",
                where=f"{history.name}/{ref.name}",
                message=f"it points at {short(ref.head)}, which is not there",
            )


def _moves(history: Dataset, known: dict[str, CommitRecord]) -> Iterator[Problem]:
    """Every move starts where the one before it ended, and the last one ends at the head."""
    heads = {ref.name: ref.head for ref in history.refs if ref.kind != "staging"}
    at: dict[str, str] = {}
    for move in history.moves:
        where = f"{history.name}/{move.name}"
        if move.why != "create" and move.was != at.get(move.name, ""):
            yield Problem(
                code="reflog-broken",
                where=where,
                message=f"a move starts at {short(move.was)}, the one before it ended at {short(at.get(move.name, ''))}",
            )
        if move.now not in known:
            yield Problem(
                code="reflog-dangling",
                where=where,
                message=f"a move leads to {short(move.now)}, which is not there",
            )
        at[move.name] = move.now
    for name, head in heads.items():
        if at.get(name, "") != head:
            yield Problem(
                code="reflog-behind",
                where=f"{history.name}/{name}",
                message=f"its head is {short(head)}, its last recorded move ended at {short(at.get(name, ''))}",
            )


def _tasks(history: Dataset, tasks: Iterable[Ended], known: dict[str, CommitRecord]) -> Iterator[Problem]:
    staged = {ref.name for ref in history.refs if ref.kind == "staging"}
    for task in tasks:
        if task.commit and task.commit not in known:
            yield Problem(
                code="result-missing",
                where=f"task {task.uid[:12]}",
                message=f"its version {short(task.commit)} is not there",
            )
        if task.terminal and staging(task.uid) in staged:
            yield Problem(
                code="staging-left",
                where=f"task {task.uid[:12]}",
                message="it is over and still holds a staged version",
            )
