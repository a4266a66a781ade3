"""The service with one point at which it kills itself, once, when the file `armed` lies in its home.

    python crashing.py POINT --home DIR --port 0 --json

Only tests start this. The product has no such points; they are put around its functions here.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retort_api.commits import repository
from retort_api.commits.log import CommitLog
from retort_api.local.driver import Driver
from retort_api.mains import embedded
from retort_api.runs.jobs import Jobs
from retort_api.runs.runner import Runner
from retort_api.runs.service import TaskWork
from retort_api.tasks import repository as tasks
from retort_tables.objects.folder import FolderObjects

# name -> owner, function, after how many calls it dies, and whether before or after the function has run.
POINTS: dict[str, tuple[Any, str, int, str]] = {
    "before it is prepared": (TaskWork, "prepare", 1, "before"),
    "after it is prepared": (TaskWork, "prepare", 1, "after"),
    "after the script ran": (Jobs, "execute", 1, "after"),
    "between two objects": (FolderObjects, "_aside", 3, "after"),
    "between the names of two objects": (FolderObjects, "_name", 3, "after"),
    "after the last object": (Runner, "_stored", 1, "after"),
    "with the commit's row written": (repository, "add_commit", 1, "after"),
    "with the result staged, not committed": (CommitLog, "_point", 1, "after"),
    "with the branch moved, not committed": (repository, "swap_ref", 1, "after"),
    "with the move in the reflog, not committed": (repository, "log_move", 1, "after"),
    "with the task complete, not committed": (tasks, "save_decision", 3, "after"),
    "after all of it is committed": (CommitLog, "publish", 1, "after"),
    "before the sandbox is given back": (Driver, "_release", 1, "before"),
}


def deadly(function: Callable[..., Any], home: Path, calls: int, when: str) -> Callable[..., Any]:
    count = 0

    def die() -> None:
        nonlocal count
        if (home / "armed").exists():
            count += 1
            if count == calls:
                (home / "armed").unlink()
                os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(function)
    async def later(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die()
        result = await function(*args, **kwargs)
        if when == "after":
            die()
        return result

    @functools.wraps(function)
    def at_once(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die()
        result = function(*args, **kwargs)
        if when == "after":
            die()
        return result

    return later if inspect.iscoroutinefunction(function) else at_once


def main() -> None:
    point, arguments = sys.argv[1], sys.argv[2:]
    if point != "none":
        owner, name, calls, when = POINTS[point]
        home = Path(arguments[arguments.index("--home") + 1])
        setattr(owner, name, deadly(getattr(owner, name), home, calls, when))
    embedded.main(arguments)


if __name__ == "__main__":
    main()
