"""Which life of a namespace a task belongs to, and whether an administrator opted it in.

Read once for all tasks that arrived before the reading began: a namespace deleted and made anew between two readings has
another uid, and data of the first must not go to the second. No watch, so no right to see all namespaces is needed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from retort_core.resources import labels
from retort_operator.cluster import NAMESPACES, Cluster
from retort_operator.times import seconds_of

_WEIGHT: Final = re.compile("[1-9][0-9]?|100")


@dataclass(frozen=True, kw_only=True)
class Namespace:
    uid: str = ""
    opted_in: bool = False
    made_at: float = 0.0
    leaving: bool = False
    weight: int = 1

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Namespace:
        metadata = raw["metadata"]
        marks = metadata.get("labels") or {}
        return cls(
            uid=metadata["uid"],
            opted_in=marks.get(labels.PROJECT) == labels.ENABLED,
            weight=_weight(marks.get(labels.WEIGHT, "")),
            made_at=seconds_of(metadata["creationTimestamp"]),
            leaving="deletionTimestamp" in metadata,
        )


def _weight(text: str) -> int:
    """1 where it says nothing, or nothing that counts."""
    return int(text) if _WEIGHT.fullmatch(text) else 1


class Namespaces:
    """`named`: namespaces that the settings name; naming one there is opting it in."""

    def __init__(self, cluster: Cluster, named: Collection[str] = ()) -> None:
        self._cluster, self._named = cluster, frozenset(named)
        self._pending: dict[str, asyncio.Task[Namespace | None]] = {}

    async def read(self, name: str) -> Namespace | None:
        """As it is now or later: joins a reading that has not begun yet, never one that has."""
        pending = self._pending.get(name)
        if pending is None:
            pending = self._pending[name] = asyncio.create_task(self._read(name))
        return await asyncio.shield(pending)

    async def _read(self, name: str) -> Namespace | None:
        await asyncio.sleep(0)
        self._pending.pop(name, None)  # who comes from here on needs a reading of his own
        raw = await self._cluster.get(NAMESPACES, "", name)
        if raw is None:
            return None
        found = Namespace.of(raw)
        return replace(found, opted_in=True) if name in self._named else found
