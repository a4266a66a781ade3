"""`retort fsck`: reads everything that is recorded and says what is not right; repairs nothing.

Looks at the PostgreSQL and S3 that the environment names, else at a home. Past the cache, so that it sees what is stored.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from retort_api.fsck.service import Report, check
from retort_api.mains.stores import named_database, prepared
from retort_api.migrations import schema
from retort_api.settings import Settings
from retort_api.storage import StorageSettings
from retort_core.errors import RetortError
from retort_tables.objects.folder import FolderObjects
from retort_tables.objects.port import ObjectStore
from retort_tables.objects.s3 import S3Objects


def stored(settings: StorageSettings, home: Path) -> ObjectStore:
    return S3Objects(settings.bucket) if settings.s3_endpoint else FolderObjects(home / "objects")


async def run(home: Path, *, deep: bool) -> Report:
    database = named_database(home)
    try:
        await schema.ready(database)
        return await check(database, stored(StorageSettings(), home), deep=deep, told=_told)
    finally:
        await database.close()


def _told(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - progress of the command


def lines(report: Report) -> list[str]:
    found = [f"{problem.code}  {problem.where}: {problem.message}" for problem in report.problems]
    count = (
        f"{report.datasets} datasets, {report.refs} refs, {report.commits} commits, {report.versions} versions, "
        f"{report.objects} objects, {report.unreferenced} of them unreferenced"
    )
    return [*found, count, "clean" if report.clean else f"{len(report.problems)} problems"]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="retort fsck", description="Check every version that is recorded.")
    parser.add_argument("--home", type=Path, help="folder of the data")
    parser.add_argument("--deep", action="store_true", help="read every byte and recompute every digest")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    given = parser.parse_args(arguments)
    home = prepared(given.home or Settings().home)
    try:
        report = asyncio.run(run(home, deep=given.deep))
    except RetortError as error:
        sys.exit(f"retort fsck: {error.message}")
    text = json.dumps({**asdict(report), "clean": report.clean}, ensure_ascii=False)
    print(text if given.json else "\n".join(lines(report)))  # noqa: T201 - the answer of the command
    sys.exit(0 if report.clean else 1)


if __name__ == "__main__":
    main()
