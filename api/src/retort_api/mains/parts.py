"""What every main puts together the same way, whatever stands behind its ports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retort_api.commits.log import CommitLog
from retort_api.kit.database import Database
from retort_api.kit.memory import memory
from retort_api.kit.signals import Signal
from retort_api.kit.threads import Threads
from retort_api.kit.watching.tracing import Tracing
from retort_api.kit.watching.watch import Watch
from retort_api.mains.planners import Chosen
from retort_api.mains.watching import counted
from retort_api.runs.commands import Commands
from retort_api.runs.comparing import SHARE, Comparing
from retort_api.runs.execution import Execution, Maker
from retort_api.runs.gates import Gate
from retort_api.runs.jobs import Jobs
from retort_api.runs.library import Library
from retort_api.runs.making.answers import Answers
from retort_api.runs.making.codebooks import Codebooks
from retort_api.runs.making.files import Files
from retort_api.runs.making.history import History
from retort_api.runs.making.replays import Replayer
from retort_api.runs.making.versions import Versions
from retort_api.runs.preparation import Preparation
from retort_api.runs.reading import Reading
from retort_api.runs.rebasing import Rebasing
from retort_api.runs.runner import Runner
from retort_api.runs.running import Running
from retort_api.runs.sandboxes import Sandboxes
from retort_api.runs.service import DrivenWork, TaskWork
from retort_api.runs.situation import Situations
from retort_api.runs.traces import TaskTraces
from retort_api.settings import Settings
from retort_planner.suggestions import suggest
from retort_tables.objects.port import ObjectStore
from retort_tables.snapshots.whole import WholeSnapshots

INTAKE: Final = "retort_tables.intake:main"


FEATURES: Final = ("uploads", "conversations", "branches", "diff", "results", "events", "report")
THREADS: Final = 8  # for blocking reads and writes of tables and objects
EXPORTING: Final = 2  # a file takes up to 180 MB while it is made, of a Pod's 2 GiB
MODEL_CALLS: Final = 16  # to a language model at once; they wait, most of the time


@dataclass(frozen=True, kw_only=True)
class Crews:
    """What takes longer than people wait for a page, each with threads of its own."""

    exports: Threads
    models: Threads


@contextmanager
def threads() -> Iterator[Crews]:
    """Where this process reads and writes what blocks, while the block lasts."""
    with (
        ThreadPoolExecutor(THREADS, thread_name_prefix="retort") as pool,
        Threads("export", EXPORTING) as exports,
        Threads("model", MODEL_CALLS) as models,
    ):
        asyncio.get_running_loop().set_default_executor(pool)
        yield Crews(exports=exports, models=models)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Data at rest and what reads it."""

    database: Database
    objects: ObjectStore
    log: CommitLog
    library: Library
    comparing: Comparing
    signal: Signal


def stored(database: Database, objects: ObjectStore, signal: Signal, settings: Settings) -> Stored:
    snapshots = WholeSnapshots(objects)
    return Stored(
        database=database,
        objects=objects,
        log=CommitLog(database),
        library=Library(snapshots),
        comparing=Comparing(snapshots, settings.compare_bytes or round(SHARE * memory())),
        signal=signal,
    )


def running(
    on: Stored, intake: Sandboxes, settings: Settings, spool: Path, watch: Watch | None = None
) -> Running:
    """Runs in a claimed sandbox; results are taken in behind walls of their own."""
    jobs = Jobs(intake, settings)
    runner = Runner(on.objects, on.library, jobs, Reading(jobs, on.objects, spool), spool)
    rebasing = Rebasing(on.log, on.library, on.comparing)
    execution = Execution(on.database, on.log, on.library, rebasing, _makers(on, runner))
    return Running(database=on.database, execution=execution, signal=on.signal, traces=traces(on, watch))


def _makers(on: Stored, runner: Runner) -> dict[str, Maker]:
    replayer = Replayer(runner, on.library)
    versions = Versions(on.log, on.library, runner, Answers(on.database, runner))
    history = History(on.log, on.library, replayer)
    return {
        "plan": versions.plan,
        "script": versions.script,
        "import": Files(on.database, on.log, on.library, on.comparing, runner, replayer),
        "codebook": Codebooks(on.database, on.log, on.library, runner),
        "replay": history.replay,
        "restore": history.restore,
    }


def work(on: Stored, chosen: Chosen, gate: Gate, watch: Watch | None = None) -> TaskWork:
    """What the actions of a task do, runs left aside; `gate`: what people may make them do."""
    return TaskWork(**_working(on, chosen, gate, watch))


def driven(on: Stored, chosen: Chosen, runs: Running, gate: Gate, watch: Watch | None = None) -> DrivenWork:
    """The same with the runs, for a driver in this process."""
    return DrivenWork(running=runs, **_working(on, chosen, gate, watch))


def traces(on: Stored, watch: Watch | None) -> TaskTraces:
    return TaskTraces(tracing=watch.tracing if watch is not None else Tracing(), database=on.database)


def _working(on: Stored, chosen: Chosen, gate: Gate, watch: Watch | None) -> dict[str, Any]:
    situations = Situations(on.database, on.log, on.library, suggest)
    preparation = Preparation(chosen.plan, situations, on.log, Commands(on.database, on.log, gate))
    return {
        "database": on.database,
        "commits": on.log,
        "preparation": preparation,
        "gate": gate,
        "signal": on.signal,
        "traces": traces(on, watch),
        **({"told": counted(watch.metrics)} if watch is not None else {}),
    }
