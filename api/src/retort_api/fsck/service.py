"""The whole check, and its report. Reads only; repairs nothing; safe beside a running service.

The database is read first and in one snapshot, the store afterwards: objects are written before anything names them, so
whatever the snapshot names must be there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from retort_api.fsck import histories, repository
from retort_api.fsck.repository import Dataset, Ended, Named
from retort_api.kit.database import Database
from retort_core.identity import short
from retort_tables.fsck import Problem, VersionCheck, damaged
from retort_tables.objects.port import ObjectStore
from retort_tables.snapshots.whole import WholeSnapshots

# Left by a crash between two transactions and without effect; everything else is damage.
HARMLESS: Final = frozenset({"staging-left"})


@dataclass(kw_only=True)
class Report:
    """`unreferenced`: objects that nothing names: results that were refused, and what crashes left."""

    datasets: int = 0
    commits: int = 0
    refs: int = 0
    versions: int = 0
    objects: int = 0
    unreferenced: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return all(problem.code in HARMLESS for problem in self.problems)


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What the database says there is."""

    histories: list[Dataset]
    named: list[Named]
    tasks: list[Ended]
    parts: frozenset[str]


async def check(
    database: Database,
    objects: ObjectStore,
    *,
    deep: bool = False,
    told: Callable[[str], None] = lambda _: None,
) -> Report:
    """`told`: what is being looked at, for whoever waits."""
    async with database.read() as connection:
        said = _Said(
            histories=[history async for history in repository.histories(connection)],
            named=await repository.named_objects(connection),
            tasks=await repository.task_ends(connection),
            parts=await repository.parts_of_uploads(connection),
        )
    return await asyncio.to_thread(_checked, said, objects, deep, told)


def _checked(said: _Said, objects: ObjectStore, deep: bool, told: Callable[[str], None]) -> Report:  # noqa: FBT001
    stored = frozenset(objects.keys())
    report = Report(datasets=len(said.histories), objects=len(stored))
    look = VersionCheck(WholeSnapshots(objects), stored, deep=deep)
    used: set[str] = set()
    for history in said.histories:
        told(f"{history.name}: {len(history.commits)} versions")
        mine = [task for task in said.tasks if task.dataset == history.id]
        report.problems += histories.problems(history, mine)
        report.commits += len(history.commits)
        report.refs += len(history.refs)
        for (manifest, root), commit in _versions(history).items():
            report.versions += 1
            found = look(manifest, root, f"commit {short(commit)}")
            used |= found.objects
            report.problems += found.problems
    _others(said.named, objects, stored, report, deep=deep)
    report.unreferenced = len(stored - used - said.parts - {one.object for one in said.named})
    return report


def _versions(history: Dataset) -> dict[tuple[str, str], str]:
    """(manifest, root) -> the first commit with them: a restored version is looked at once."""
    found: dict[tuple[str, str], str] = {}
    for record in history.commits:
        found.setdefault((record.snapshot, record.root), record.id)
    return found


def _others(
    named: list[Named], objects: ObjectStore, stored: frozenset[str], report: Report, *, deep: bool
) -> None:
    for one in named:
        if one.object not in stored:
            message = f"object {one.object[:12]} is not in the store"
            report.problems.append(Problem(code="object-missing", where=one.where, message=message))
    if deep:
        report.problems += damaged(objects, sorted({one.object for one in named} & stored))
