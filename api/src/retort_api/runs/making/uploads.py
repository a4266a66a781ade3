"""The file that a task was sent with."""

from __future__ import annotations

from retort_api.datasets import repository as datasets
from retort_api.datasets.repository import UploadRecord
from retort_api.kit.database import Database
from retort_core.errors import NotFound


async def upload(database: Database, dataset: str, name: str) -> UploadRecord:
    async with database.read() as connection:
        found = await datasets.upload(connection, dataset, name)
    if found is None:
        raise NotFound(f"There is no upload {name!r} in this dataset.")
    return found
