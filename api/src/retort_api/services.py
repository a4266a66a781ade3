"""Everything the endpoints use, wired once in `mains/`; `Depends` only fetches from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from retort_api.access.access import Access
from retort_api.audit.recorder import Recorder
from retort_api.commits.differences import Differences
from retort_api.commits.log import CommitLog
from retort_api.kit.database import Database
from retort_api.kit.signals import Signal
from retort_api.kit.threads import Threads
from retort_api.projects.quotas import Quotas
from retort_api.runs.comparing import Comparing
from retort_api.runs.library import Library
from retort_api.runs.situation import Suggest
from retort_api.settings import Settings
from retort_api.tasks.store import TaskStore
from retort_core.http.datasets import About, Project
from retort_tables.objects.port import ObjectStore


class ProjectSource(Protocol):
    """Where projects come from: rows that people make here, or the namespaces of a cluster."""

    async def find(self, name: str) -> Project | None:
        """By name or id; what is found may be shown to nobody before he was authorised."""

    async def refresh(self) -> None:
        """Before all are listed."""

    def makable(self) -> None:
        """Raises when they are made elsewhere, and says where."""


class Waker(Protocol):
    """Looks at a task again, soon: the driver here, the operator's event stream in a cluster."""

    def wake(self, uid: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Services:
    settings: Settings
    database: Database
    objects: ObjectStore
    library: Library
    log: CommitLog
    comparing: Comparing
    differences: Differences
    projects: ProjectSource
    tasks: TaskStore
    waker: Waker
    signal: Signal
    access: Access
    recorder: Recorder
    quotas: Quotas
    about: About
    suggest: Suggest
    spool: Path
    exports: Threads
