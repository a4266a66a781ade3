"""Schemas, profiles and changes of versions, read once: versions never change, so nothing here goes stale."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, TypeVar

from retort_core.changes import Changes
from retort_core.profiles import Profile
from retort_core.schema import Schema
from retort_tables.snapshots.port import Manifest, SnapshotStore

KEPT: Final = 256
Value = TypeVar("Value")


class Library:
    def __init__(self, snapshots: SnapshotStore) -> None:
        self.snapshots = snapshots
        self._kept: OrderedDict[tuple[str, str], Any] = OrderedDict()

    async def schema(self, key: str) -> Schema:
        return await self._load("schema", key, self.snapshots.schema)

    async def profile(self, key: str) -> Profile:
        return await self._load("profile", key, self.snapshots.profile)

    async def changes(self, key: str) -> Changes:
        return await self._load("changes", key, self.snapshots.changes)

    async def manifest(self, key: str) -> Manifest:
        return await self._load("manifest", key, self.snapshots.manifest)

    async def _load(self, what: str, key: str, read: Callable[[str], Value]) -> Value:
        name = (what, key)
        if name not in self._kept:
            self._kept[name] = await asyncio.to_thread(read, key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(name)
        value: Value = self._kept[name]
        return value


def invalid_names(schema: Schema, profile: Profile) -> frozenset[str]:
    """Columns that have invalid cells: their scripts carry the raw text along."""
    found = {column.column for column in profile.columns if column.invalid}
    return frozenset(column.name for column in schema.columns if column.id in found)
