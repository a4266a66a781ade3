"""What a script is fed: the base version as one table, with hidden columns for emitted scripts and without for others.

A version without invalid cells is fed as the file it is stored in. The companions of invalid cells are joined here
only for versions that have some: this side wrote both files, so reading them needs no wall. The newest version is
joined ahead of its next step, which is the likeliest of all to come.
"""

from __future__ import annotations

import asyncio
import io
from collections import OrderedDict
from typing import Final

from retort_api.runs.library import Library, invalid_names
from retort_api.runs.session import Input
from retort_api.runs.spool import bytes_input, object_input
from retort_core.cells import ROW_ID
from retort_tables.exports import with_companions
from retort_tables.objects.port import ObjectStore
from retort_tables.snapshots.port import TABLE

KEPT: Final = 2  # versions
KEPT_BYTES: Final = 32 << 20  # of one; larger ones are joined when they are needed


class Feeds:
    def __init__(self, objects: ObjectStore, library: Library) -> None:
        self._objects, self._library = objects, library
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    async def of(self, key: str, *, carried: bool) -> Input:
        """`key`: of the version's manifest."""
        if not carried:
            return bytes_input(await asyncio.to_thread(self._joined, key, carried=False))
        if not await self._has_invalid(key):
            manifest = await self._library.manifest(key)
            return object_input(self._objects, manifest.objects[TABLE])
        kept = self._kept.get(key)
        return bytes_input(
            kept if kept is not None else await asyncio.to_thread(self._joined, key, carried=True)
        )

    async def ahead(self, key: str) -> None:
        """Joins a version that is likely to be fed next."""
        if key in self._kept or not await self._has_invalid(key):
            return
        data = await asyncio.to_thread(self._joined, key, carried=True)
        if len(data) <= KEPT_BYTES:
            self._kept[key] = data
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    async def _has_invalid(self, key: str) -> bool:
        return bool(invalid_names(await self._library.schema(key), await self._library.profile(key)))

    def _joined(self, key: str, *, carried: bool) -> bytes:
        """Blocks. Compressed, because a third of the bytes goes through the socket in a third of the time."""
        snapshot = self._library.snapshots.read(key)
        table = with_companions(snapshot) if carried else snapshot.table.drop(ROW_ID)
        out = io.BytesIO()
        table.write_ipc(out, compression="lz4")
        return out.getvalue()
