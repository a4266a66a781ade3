"""Reading: uploaded files to one table of texts, in a run's sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from retort_api.runs.jobs import Jobs
from retort_api.runs.rides import Ride
from retort_api.runs.spool import Spool, object_input
from retort_tables.objects.port import ObjectStore

REPORT: Final = "report"


class Reading:
    def __init__(self, jobs: Jobs, objects: ObjectStore, spool: Path) -> None:
        self._jobs, self._objects, self._spool = jobs, objects, spool

    async def __call__(
        self, ride: Ride, files: Sequence[tuple[str, str]], options: Mapping[str, Any], results: Spool
    ) -> dict[str, Any]:
        """Files (object, name): one as it is, several one by one and then under one another. The table stands in `results`;
        returned is what the reader found of the last one."""
        if len(files) == 1:
            return await self._one(ride, *files[0], options, results)
        spools: list[Spool] = []
        report: dict[str, Any] = {}
        try:
            for key, filename in files:
                spools.append(Spool(self._spool))
                report = await self._one(ride, key, filename, options, spools[-1])
            tables = [spool.input("table") for spool in spools]
            await self._jobs.execute(ride, self._jobs.append(ride, len(tables)), tables, results, ("table",))
        finally:
            for spool in spools:
                spool.close()
        return report

    async def _one(
        self, ride: Ride, key: str, filename: str, options: Mapping[str, Any], results: Spool
    ) -> dict[str, Any]:
        job, file = self._jobs.read(ride, filename, options), object_input(self._objects, key)
        await self._jobs.execute(ride, job, [file], results, ("table", REPORT))
        found: dict[str, Any] = json.loads(results.content(REPORT))
        return found
