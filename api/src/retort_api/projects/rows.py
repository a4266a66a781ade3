"""Projects that people make here: each is a row."""

from __future__ import annotations

from retort_api.kit.database import Database
from retort_api.projects import repository
from retort_core.http.datasets import Project


class ProjectRows:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, name: str) -> Project | None:
        async with self._database.single() as connection:
            return await repository.find(connection, name)

    async def refresh(self) -> None:
        """They are all rows already."""

    def makable(self) -> None:
        """They are made here."""
