"""DataCommits: what the service has published, shown as objects; rebuilt from its feed, never asked for by anybody.

The newest versions of each dataset are shown, about as many as the setting says: they go by pages, one request for many,
so that showing a version stays one write. An object somebody deletes comes back, at the next listing where no watch told of it;
a namespace that is another one by now, or on its way out, gets nothing. What one namespace does not take now is tried again
later (`backlog`), and holds up no other.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

import structlog
from pydantic import ValidationError

from retort_core.errors import RetortError
from retort_core.http.internal import CommitFact
from retort_core.resources import labels
from retort_core.resources.labels import label_value
from retort_operator.backlog import Backlog
from retort_operator.cluster import CONFLICT, DATA_COMMITS, INVALID, NOT_FOUND, ApiError, Cluster
from retort_operator.data_commits import body_of, name_of
from retort_operator.metrics import Metrics
from retort_operator.namespaces import Namespace, Namespaces
from retort_operator.pages import Dataset, Pages, Shown
from retort_operator.service_client import Service
from retort_operator.times import now
from retort_operator.unreadable import faults

log = structlog.get_logger(__name__)
AT_ONCE: Final = 8
PAGE: Final = 500
PAUSE: Final = 2.0
# The namespace goes, or no server takes such an object: it is not asked for again. What is forbidden may be allowed later: a
# quota is full, a Role is not there yet.
NEVER: Final = (400, NOT_FOUND, 413, INVALID)
RESYNC: Final = 30.0
LISTED: Final = 600.0  # seconds between two listings of all there are; a watch that was cut tells of no deletion meanwhile


class Projection:
    def __init__(
        self,
        cluster: Cluster,
        service: Service,
        namespaces: Namespaces,
        metrics: Metrics,
        keep: int,
        scopes: tuple[str, ...],
    ) -> None:
        """`scopes`: the only namespaces to look into; "" = all of the cluster."""
        self._scopes = scopes
        self._cluster, self._service, self._namespaces = cluster, service, namespaces
        self._metrics, self._keep = metrics, max(1, keep)
        self._pages = Pages(self._keep)
        self._making: set[tuple[Dataset, str]] = set()  # on a page, and perhaps not there yet
        self._cursor = 0
        self._backlog = Backlog(self._keep)
        self._poked, self._delayed = asyncio.Event(), asyncio.Event()
        self._listed = time.monotonic()

    def poke(self) -> None:
        self._poked.set()

    def gone(self, raw: Mapping[str, Any]) -> None:
        """Somebody deleted an object; one that is to be shown comes back."""
        spec = raw.get("spec") or {}
        self._lost((raw["metadata"]["namespace"], spec.get("datasetName", "")), spec.get("commit", ""))

    async def run(self) -> None:
        await self._patiently(self._rebuild)
        # Two loops: what is new waits for nothing that is old, however much of it there is and however slowly it is taken.
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._follow_on())
            loops.create_task(self._restore_on())

    async def _follow_on(self) -> None:
        slots = asyncio.Semaphore(AT_ONCE)
        while True:
            self._poked.clear()  # before looking: what is told meanwhile is looked at again
            await self._patiently(lambda: self._follow(slots))
            await _set(self._poked, RESYNC)

    async def _restore_on(self) -> None:
        slots = asyncio.Semaphore(AT_ONCE)
        while True:
            self._delayed.clear()
            await self._patiently(lambda: self._restore(slots))
            until_listing = self._listed + LISTED - time.monotonic()
            if until_listing <= 0:
                await self._patiently(self._missed)
                continue
            await _set(self._delayed, min(until_listing, self._backlog.wait(time.monotonic())))

    async def _patiently(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except RetortError as problem:
                log.warning("projection_waits", problem=problem.message)
                await asyncio.sleep(PAUSE)
            else:
                return

    # -- what is there and what is missing ---------------------------------------------------------------

    async def _rebuild(self) -> None:
        """Everything shown, against everything published: the newest of each dataset that are missing are made."""
        self._pages.clear()
        for scope in self._scopes:
            async for items in self._cluster.pages(DATA_COMMITS, scope):
                for raw in items:
                    self._note(raw)
        newest: dict[Dataset, deque[int]] = {}
        cursor = 0
        while True:
            feed = await self._service.commits(cursor, PAGE)
            for fact in self._ours(feed.items):
                newest.setdefault((fact.namespace, fact.dataset), deque(maxlen=self._keep)).append(fact.seq)
            if feed.after <= cursor:
                break
            cursor = feed.after
        self._cursor = cursor
        known = {shown.seq for _, _, shown in self._pages}
        for dataset, seqs in newest.items():
            for seq in seqs:
                if seq not in known:
                    self._backlog.add(dataset, seq)

    async def _missed(self) -> None:
        """Objects that are gone though no watch told of it: they come back too."""
        before = [
            (dataset, commit) for dataset, commit, _ in self._pages if (dataset, commit) not in self._making
        ]
        there: set[tuple[str, str]] = set()
        for scope in self._scopes:
            async for items in self._cluster.pages(DATA_COMMITS, scope, metadata=True):
                there |= {(raw["metadata"]["namespace"], raw["metadata"]["name"]) for raw in items}
        for dataset, commit in before:
            if (dataset[0], name_of(dataset[1], commit)) not in there and self._lost(dataset, commit):
                self._metrics.watch_missed.labels("datacommits").inc()
        self._listed = time.monotonic()

    def _lost(self, dataset: Dataset, commit: str) -> bool:
        """Whether it comes back: it is of the feed and not made by hand."""
        shown = self._pages.lost(dataset, commit)
        if shown is None or not 0 < shown.seq <= self._cursor:
            return False
        self._later(dataset, shown.seq)
        return True

    def _later(self, dataset: Dataset, seq: int) -> None:
        self._backlog.add(dataset, seq)
        self._delayed.set()

    def _note(self, raw: Mapping[str, Any]) -> None:
        metadata, spec = raw["metadata"], raw.get("spec") or {}
        page = (metadata.get("labels") or {}).get(labels.PAGE, "")
        dataset = (metadata["namespace"], spec.get("datasetName", ""))
        self._pages.note(dataset, spec.get("commit", ""), Shown(int(spec.get("sequence") or 0), page))

    async def _follow(self, slots: asyncio.Semaphore) -> None:
        while True:
            feed = await self._service.commits(self._cursor, PAGE)
            if feed.after <= self._cursor:
                return
            facts = self._ours(feed.items)
            names = {fact.namespace for fact in facts}
            homes = await self._homes({one for one in names if not self._backlog.failing(one)})
            self._cursor = feed.after  # what cannot be shown now waits in the backlog
            await self._show(facts, homes, slots)

    async def _restore(self, slots: asyncio.Semaphore) -> None:
        """What waits and is due, as much of it at a time as one request of the service finds."""
        while batch := self._backlog.due(time.monotonic(), PAGE):
            homes = await self._homes({dataset[0] for _, dataset in batch})
            for namespace, home in homes.items():
                if home is None:
                    self._backlog.drop(namespace)
            batch = [one for one in batch if homes.get(one.dataset[0]) is not None]
            if not batch:
                continue
            first, last = batch[0].seq, batch[-1].seq
            feed = await self._service.commits(first - 1, last - first + 1)
            self._backlog.take(batch)
            wanted = {one.seq for one in batch}
            await self._show([fact for fact in feed.items if fact.seq in wanted], homes, slots)

    # -- showing -----------------------------------------------------------------------------------------

    def _ours(self, facts: Iterable[CommitFact]) -> list[CommitFact]:
        """The feed has everybody's: of a namespace that is in no scope of ours, or is no longer, we may ask nothing."""
        return [fact for fact in facts if "" in self._scopes or fact.namespace in self._scopes]

    async def _homes(self, names: set[str]) -> dict[str, Namespace | None]:
        """As they are now, None what is gone or leaves; without those that cannot be read, which are parked."""
        found: dict[str, Namespace | None] = {}

        async def look(name: str) -> None:
            try:
                home = await self._namespaces.read(name)
            except ApiError as error:
                self._park(name, error)
            else:
                found[name] = home if home is not None and not home.leaving else None

        await asyncio.gather(*(look(name) for name in names))
        return found

    async def _show(
        self, facts: list[CommitFact], homes: Mapping[str, Namespace | None], slots: asyncio.Semaphore
    ) -> None:
        wanted = []
        for fact in facts:
            home = homes.get(fact.namespace)
            if fact.namespace not in homes:
                self._later(_dataset(fact), fact.seq)
            elif home is not None and home.uid == fact.namespace_uid:
                wanted.append(fact)
        making = {(_dataset(fact), fact.id) for fact in wanted}
        self._making |= making
        try:
            pages = [self._pages.place(_dataset(fact), fact.id, fact.seq) for fact in wanted]
            await asyncio.gather(
                *(self._create(fact, page, slots) for fact, page in zip(wanted, pages, strict=True))
            )
        finally:
            self._making -= making
        for dataset in {_dataset(fact) for fact in wanted}:
            await self._prune(dataset)

    async def _create(self, fact: CommitFact, page: str, slots: asyncio.Semaphore) -> None:
        async with slots:
            if self._parked(fact.namespace):  # by one of those before it
                self._pages.forget(_dataset(fact), fact.id)
                self._later(_dataset(fact), fact.seq)
                return
            try:
                await self._cluster.create(DATA_COMMITS, fact.namespace, body_of(fact, page))
            except ValidationError as problem:
                self._pages.forget(_dataset(fact), fact.id)
                log.error("commit_not_writable", seq=fact.seq, faults=faults(problem))  # noqa: TRY400 - it would show values
                return
            except ApiError as error:
                if error.http != CONFLICT:
                    self._pages.forget(_dataset(fact), fact.id)
                    self._not_shown(fact, error)
                return
        self._metrics.projection_lag.observe(max(0.0, (now() - fact.created_at).total_seconds()))

    def _not_shown(self, fact: CommitFact, error: ApiError) -> None:
        if error.http in NEVER:
            log.warning("commit_not_shown", namespace=fact.namespace, problem=error.message)
        else:
            self._park(fact.namespace, error)
            self._later(_dataset(fact), fact.seq)

    def _park(self, namespace: str, error: ApiError) -> None:
        if self._backlog.park(namespace, time.monotonic()):
            log.warning("projection_waits", namespace=namespace, problem=error.message)

    def _parked(self, namespace: str) -> bool:
        return self._backlog.parked(namespace, time.monotonic())

    async def _prune(self, dataset: Dataset) -> None:
        while (page := self._pages.surplus(dataset)) is not None:
            self._pages.going(dataset, page.name)
            if not await self._deleted(dataset, page.name):
                newest = self._pages.newest(dataset)
                if newest is not None:  # it is there, so nothing is made; but then we come here again
                    self._later(dataset, newest.seq)
                return
            self._pages.went(dataset, page)

    async def _deleted(self, dataset: Dataset, page: str) -> bool:
        """Whether it is, or nobody will ever take such a request."""
        if self._parked(dataset[0]):
            return False
        selector = f"{labels.DATASET}={label_value(dataset[1])},{labels.PAGE}={page}"
        try:
            await self._cluster.delete_all(DATA_COMMITS, dataset[0], selector)
        except ApiError as error:
            if error.http not in NEVER:
                self._park(dataset[0], error)
                return False
            log.warning("commits_not_deleted", namespace=dataset[0], problem=error.message)
        return True


async def _set(event: asyncio.Event, seconds: float) -> None:
    """Returns when it is, or after so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _dataset(fact: CommitFact) -> Dataset:
    return fact.namespace, fact.dataset
