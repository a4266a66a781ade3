"""The Pods as they are known: one view each, from the watch, from listings and from the answers to our own writes.

Own writes count at once, so that a watch that lags never makes too many Pods or claims one twice. What is known of a Pod
never goes back to an older version of it, and a Pod once gone does not come back by a late answer.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from retort_operator.pods import PodView

REMEMBERED: Final = 2000  # Pods that are gone


class Fleet:
    def __init__(self) -> None:
        self._pods: dict[str, PodView] = {}
        self._by_task: dict[str, set[str]] = {}
        self._seen_at: dict[str, float] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pods)

    def __iter__(self) -> Iterator[PodView]:
        return iter(tuple(self._pods.values()))

    def get(self, name: str) -> PodView | None:
        return self._pods.get(name)

    def of_task(self, task: str) -> tuple[PodView, ...]:
        """The newest attempt first."""
        found = [self._pods[name] for name in self._by_task.get(task, ())]
        return tuple(sorted(found, key=lambda pod: -pod.attempt))

    def apply(self, pod: PodView) -> bool:
        """Whether anything is known now that was not before."""
        if pod.uid and pod.uid in self._gone:
            return False
        old = self._pods.get(pod.name)
        if old is not None and old.uid == pod.uid and _newer(old.version, pod.version):
            return False
        self._seen_at[pod.name] = time.monotonic()
        if old is not None and old.uid == pod.uid and old.leaving and not pod.leaving:
            pod = replace(pod, leaving=True)
        if old == pod:
            return False
        self._put(pod)
        return old is None or replace(old, version="") != replace(pod, version="")

    def leave(self, name: str) -> None:
        """We have asked for its end: it is not used again, whatever the watch still says."""
        pod = self._pods.get(name)
        if pod is not None and not pod.leaving:
            self._put(replace(pod, leaving=True))

    def remove(self, name: str, uid: str = "") -> PodView | None:
        pod = self._pods.get(name)
        if uid:
            self._gone[uid] = None
            while len(self._gone) > REMEMBERED:
                self._gone.popitem(last=False)
        if pod is None or (uid and pod.uid and pod.uid != uid):
            return None
        del self._pods[name]
        self._seen_at.pop(name, None)
        self._unlink(pod)
        return pod

    def unlisted(self, names: Iterable[str], since: float) -> list[PodView]:
        """Those a listing begun at `since` did not have although they were known before it began."""
        listed = set(names)
        return [
            pod
            for name, pod in self._pods.items()
            if name not in listed and self._seen_at.get(name, 0.0) < since
        ]

    def _put(self, pod: PodView) -> None:
        old = self._pods.get(pod.name)
        if old is not None:
            self._unlink(old)
        self._pods[pod.name] = pod
        if pod.task:
            self._by_task.setdefault(pod.task, set()).add(pod.name)

    def _unlink(self, pod: PodView) -> None:
        names = self._by_task.get(pod.task)
        if names is not None:
            names.discard(pod.name)
            if not names:
                del self._by_task[pod.task]


def _newer(known: str, given: str) -> bool:
    """Versions are opaque by contract and grow by one counter in practice; where they are no numbers, nothing is older."""
    return known.isdigit() and given.isdigit() and int(known) > int(given)
