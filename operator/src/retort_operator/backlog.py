"""Versions that are to be shown later, and the namespaces that are left alone for a while: memory alone, told what time it is.

Of each dataset only the newest, as many as are kept: an older one would be made only to be taken away again.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Iterable
from typing import Final, NamedTuple

from retort_operator.pages import Dataset
from retort_operator.pauses import growing

PAUSE: Final = 2.0
LONGEST: Final = 30.0


class Waiting(NamedTuple):
    seq: int
    dataset: Dataset


class _Parked(NamedTuple):
    until: float
    times: int


class Backlog:
    """What is to be shown again. A namespace that fails is parked, for longer each time, and holds up no other meanwhile."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._seqs: dict[Dataset, list[int]] = {}
        self._parked: dict[str, _Parked] = {}

    def add(self, dataset: Dataset, seq: int) -> None:
        seqs = self._seqs.setdefault(dataset, [])
        if seq not in seqs:
            insort(seqs, seq)
            del seqs[: -self._keep]

    def take(self, some: Iterable[Waiting]) -> None:
        """Somebody shows these now; what fails is added again."""
        for seq, dataset in some:
            seqs = self._seqs.get(dataset, [])
            if seq in seqs:
                seqs.remove(seq)
            if not seqs:
                self._seqs.pop(dataset, None)

    def drop(self, namespace: str) -> None:
        """It is gone: nothing is to be shown there any more."""
        for dataset in [one for one in self._seqs if one[0] == namespace]:
            del self._seqs[dataset]

    def park(self, namespace: str, now: float) -> bool:
        """False when it is parked already: what was under way at that time fails too."""
        if self.parked(namespace, now):
            return False
        before = self._parked.get(namespace)
        times = before.times + 1 if before is not None else 1
        self._parked[namespace] = _Parked(now + growing(PAUSE, times, LONGEST), times)
        return True

    def parked(self, namespace: str, now: float) -> bool:
        found = self._parked.get(namespace)
        return found is not None and found.until > now

    def failing(self, namespace: str) -> bool:
        """Parked, or to be tried again: whatever is new there comes after what waits already."""
        return namespace in self._parked

    def due(self, now: float, width: int) -> list[Waiting]:
        """The oldest that can be tried now, of which one request for `width` facts finds all."""
        waiting = {namespace for namespace, _ in self._seqs}
        self._parked = {name: one for name, one in self._parked.items() if name in waiting}
        free = (
            Waiting(seq, dataset)
            for dataset, seqs in self._seqs.items()
            if not self.parked(dataset[0], now)
            for seq in seqs
        )
        found = heapq.nsmallest(width, free)
        return [one for one in found if one.seq < found[0].seq + width]

    def wait(self, now: float) -> float:
        """Seconds until something is due; infinite when nothing waits."""
        untils = [self._parked[name].until if name in self._parked else now for name, _ in self._seqs]
        return max(0.0, min(untils, default=float("inf")) - now)
