"""Differences of versions within a bound of memory: what two large tables take is more than the rest of a service together.

What it takes is told beforehand (`weights`). Beyond the bound it is refused: a service that two uploads of one project bring down
is down for everybody. Of what is large one at a time, beside it as many small ones as there are threads; who waits holds none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, ParamSpec, TypeVar

from retort_core.errors import LimitExceeded
from retort_tables.diff.weights import weight
from retort_tables.snapshots.port import SnapshotStore

MIB: Final = 1 << 20
SMALL: Final = 1 / 32  # of the bound; with eight threads a quarter of it beside a large one
SHARE: Final = 0.3  # of a process's memory, where no bound is set: two fifths of it with the small ones
P = ParamSpec("P")
Found = TypeVar("Found")


class Pair(NamedTuple):
    """Manifest keys. `by_rows`: they share a history, and rows are told apart by their ids alone."""

    older: str
    newer: str
    by_rows: bool


class Comparing:
    """`most`: bytes."""

    def __init__(self, snapshots: SnapshotStore, most: int) -> None:
        self._snapshots, self._most = snapshots, most
        self._large = asyncio.Lock()

    async def __call__(
        self, pairs: tuple[Pair, ...], work: Callable[P, Found], /, *args: P.args, **rest: P.kwargs
    ) -> Found:
        """`work`, in a thread; it compares one of the pairs at a time. Raises LimitExceeded where one is too large."""
        needed = await asyncio.to_thread(self._weight, pairs)
        if needed > self._most:
            raise LimitExceeded(
                f"To compare these two versions takes about {needed / MIB:,.0f} MiB of memory, and {self._most / MIB:,.0f} MiB are "
                "for that here. Versions that follow one another say themselves what they changed; compare those, or have "
                "RETORT_COMPARE_BYTES raised.",
                limit="compare", needed=needed, allowed=self._most,
            )  # fmt: skip
        if needed <= self._most * SMALL:
            return await asyncio.to_thread(work, *args, **rest)
        async with self._large:
            return await _to_its_end(asyncio.create_task(asyncio.to_thread(work, *args, **rest)))

    def _weight(self, pairs: tuple[Pair, ...]) -> int:
        return max(weight(self._snapshots, older, newer, by_rows=by_rows) for older, newer, by_rows in pairs)


async def _to_its_end(job: asyncio.Task[Found]) -> Found:
    """Also where nobody waits for it any longer: a thread cannot be stopped, and has its memory until it ends."""
    try:
        return await asyncio.shield(job)
    finally:
        if not job.done():
            await asyncio.wait([job])
