"""DataCommits: what the service has published, shown as objects; rebuilt from its feed, never asked for by anybody.

The newest versions of each dataset are shown, about as many as the setting says: they go by pages, one request for many,
so that showing a version stays one write. An object somebody deletes comes back, at the next listing where no watch told of it;
a namespace that is another one by now, or on its way out, gets nothing.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import structlog
from pydantic import ValidationError

from retort_core.errors import RetortError
from retort_core.http.internal import CommitFact
from retort_core.resources import labels
from retort_core.resources.labels import label_value
from retort_core.resources.v1alpha1 import CountsStatus, DataCommitSpec
from retort_operator.cluster import CONFLICT, DATA_COMMITS, INVALID, NOT_FOUND, ApiError, Cluster
from retort_operator.metrics import Metrics
from retort_operator.namespaces import Namespaces
from retort_operator.service_client import Service
from retort_operator.times import now
from retort_operator.unreadable import faults

log = structlog.get_logger(__name__)
AT_ONCE: Final = 8
PAGE: Final = 500
PAUSE: Final = 2.0
# The namespace goes or was taken from us (404, 403), or no server takes such an object: asked for again, one version would
# hold up all that were published after it, everybody's.
NEVER: Final = (400, 403, NOT_FOUND, 413, INVALID)
RESYNC: Final = 30.0
LISTED: Final = 600.0  # seconds between two listings of all there are; a watch that was cut tells of no deletion meanwhile
Dataset: TypeAlias = tuple[str, str]  # namespace, dataset


class Shown(NamedTuple):
    seq: int
    page: str


@dataclass
class _Line:
    """The shown versions of one dataset, by commit, in the order of publication. `going`: pages that were asked to go."""

    shown: OrderedDict[str, Shown] = field(default_factory=OrderedDict)
    going: set[str] = field(default_factory=set)


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
        self._page_size = max(1, self._keep // 2)
        self._lines: dict[Dataset, _Line] = {}
        self._cursor = 0
        self._again: deque[int] = deque()
        self._poked = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._listed = time.monotonic()

    def poke(self) -> None:
        self._poked.set()

    def gone(self, raw: Mapping[str, Any]) -> None:
        """Somebody deleted an object; one that is to be shown comes back."""
        spec = raw.get("spec") or {}
        dataset = raw["metadata"]["namespace"], spec.get("datasetName", "")
        going = self._lines[dataset].going if dataset in self._lines else ()
        shown = self._forget(dataset, spec.get("commit", ""))
        if shown is not None and shown.page not in going:
            self._again.append(shown.seq)
            self.poke()

    async def run(self) -> None:
        await self._patiently(self._rebuild)
        while True:
            self._poked.clear()  # before looking: what is told meanwhile is looked at again
            await self._patiently(self._follow)
            if time.monotonic() - self._listed > LISTED:
                await self._patiently(self._missed)
                continue
            try:
                async with asyncio.timeout(RESYNC):
                    await self._poked.wait()
            except TimeoutError:
                continue

    async def _patiently(self, step: Any) -> None:
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
        self._lines.clear()
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
        known = {shown.seq for line in self._lines.values() for shown in line.shown.values()}
        self._again = deque(sorted(seq for line in newest.values() for seq in line if seq not in known))

    async def _missed(self) -> None:
        """Objects that are gone though no watch told of it: they come back too."""
        there: set[tuple[str, str]] = set()
        for scope in self._scopes:
            async for items in self._cluster.pages(DATA_COMMITS, scope, metadata=True):
                there |= {(raw["metadata"]["namespace"], raw["metadata"]["name"]) for raw in items}
        for dataset, line in list(self._lines.items()):
            for commit, one in list(line.shown.items()):
                if (dataset[0], name_of(dataset[1], commit)) not in there:
                    self._forget(dataset, commit)
                    self._again.append(one.seq)
                    self._metrics.watch_missed.labels("datacommits").inc()
        self._listed = time.monotonic()

    def _note(self, raw: Mapping[str, Any]) -> None:
        metadata, spec = raw["metadata"], raw.get("spec") or {}
        page = (metadata.get("labels") or {}).get(labels.PAGE, "")
        line = self._lines.setdefault((metadata["namespace"], spec.get("datasetName", "")), _Line())
        line.shown[spec.get("commit", "")] = Shown(int(spec.get("sequence") or 0), page)
        if len(line.shown) > 1 and list(line.shown.values())[-2].seq > int(spec.get("sequence") or 0):
            line.shown = OrderedDict(sorted(line.shown.items(), key=lambda pair: pair[1].seq))

    async def _follow(self) -> None:
        while self._again:
            seq = self._again[0]
            feed = await self._service.commits(seq - 1, 1)
            await self._show([fact for fact in feed.items if fact.seq == seq])
            self._again.popleft()
        while True:
            feed = await self._service.commits(self._cursor, PAGE)
            if feed.after <= self._cursor:
                return
            await self._show(self._ours(feed.items))
            self._cursor = feed.after

    def _ours(self, facts: Iterable[CommitFact]) -> list[CommitFact]:
        """The feed has everybody's: of a namespace that is in no scope of ours, or is no longer, we may ask nothing."""
        return [fact for fact in facts if "" in self._scopes or fact.namespace in self._scopes]

    async def _show(self, facts: list[CommitFact]) -> None:
        names = {fact.namespace for fact in facts}
        found = dict(
            zip(names, await asyncio.gather(*(self._namespaces.read(one) for one in names)), strict=True)
        )
        wanted = []
        for fact in facts:
            namespace = found[fact.namespace]
            if namespace is not None and not namespace.leaving and namespace.uid == fact.namespace_uid:
                wanted.append(fact)
        await asyncio.gather(*(self._create(fact, self._page(fact)) for fact in wanted))
        for dataset in {(fact.namespace, fact.dataset) for fact in wanted}:
            await self._prune(dataset)

    def _page(self, fact: CommitFact) -> str:
        """Its page; counts from here on, so that several made at once fill pages in order."""
        line = self._lines.setdefault((fact.namespace, fact.dataset), _Line())
        old = line.shown.get(fact.id)
        if old is not None:
            return old.page
        last = next(reversed(line.shown.values()), None)
        size = sum(1 for one in line.shown.values() if last is not None and one.page == last.page)
        page = last.page if last is not None and size < self._page_size else str(fact.seq)
        line.shown[fact.id] = Shown(fact.seq, page)
        return page

    async def _create(self, fact: CommitFact, page: str) -> None:
        async with self._slots:
            try:
                await self._cluster.create(DATA_COMMITS, fact.namespace, body_of(fact, page))
            except ValidationError as problem:
                self._forget((fact.namespace, fact.dataset), fact.id)
                log.error("commit_not_writable", seq=fact.seq, faults=faults(problem))  # noqa: TRY400 - it would show values
                return
            except ApiError as error:
                if error.http == CONFLICT:
                    return
                self._forget((fact.namespace, fact.dataset), fact.id)
                if error.http in NEVER:
                    log.warning("commit_not_shown", namespace=fact.namespace, problem=error.message)
                    return
                raise
        self._metrics.projection_lag.observe(max(0.0, (now() - fact.created_at).total_seconds()))

    async def _prune(self, dataset: Dataset) -> None:
        """Whole pages, oldest first, as long as enough are left."""
        while (line := self._lines.get(dataset)) is not None:
            page = next(iter(line.shown.values())).page
            of_page = [commit for commit, one in line.shown.items() if one.page == page]
            if len(line.shown) - len(of_page) < self._keep:
                return
            # Told before it is asked for, so that nobody takes it for somebody else's deletion; forgotten after it is done,
            # so that one that failed is asked for again.
            line.going.add(page)
            selector = f"{labels.DATASET}={label_value(dataset[1])},{labels.PAGE}={page}"
            await self._cluster.delete_all(DATA_COMMITS, dataset[0], selector)
            for commit in of_page:
                self._forget(dataset, commit)
            line.going.discard(page)

    def _forget(self, dataset: Dataset, commit: str) -> Shown | None:
        """A dataset of which nothing is shown is not kept in mind either."""
        line = self._lines.get(dataset)
        shown = line.shown.pop(commit, None) if line is not None else None
        if line is not None and not line.shown:
            del self._lines[dataset]
        return shown


def name_of(dataset: str, commit: str) -> str:
    """The same for the same version; readable where the dataset's name is."""
    slug = re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-")[:40].strip("-")
    return f"{slug}-{commit[:12]}" if slug else f"v-{commit[:16]}"


def body_of(fact: CommitFact, page: str) -> dict[str, Any]:
    spec = DataCommitSpec(
        commit=fact.id,
        sequence=fact.seq,
        dataset_name=fact.dataset,
        branch=fact.branch[:100],
        root=fact.root[:64],
        parents=list(fact.parents[:8]),
        title=fact.title[:300],
        change=fact.kind[:32],
        author=fact.author[:253],
        task_uid=fact.task,
        counts=CountsStatus.model_validate(
            {name: getattr(fact.counts, name) for name in CountsStatus.model_fields}
        ),
        committed_at=fact.created_at,
    )
    marks = {labels.DATASET: label_value(fact.dataset), labels.PAGE: page}
    return {
        "apiVersion": labels.API_VERSION,
        "kind": "DataCommit",
        "metadata": {"name": name_of(fact.dataset, fact.id), "namespace": fact.namespace, "labels": marks},
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    }
