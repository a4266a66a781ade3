"""SQL of read-only results: tables pinned to the version they were computed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.records import datasets, results, tasks
from retort_core.models import Model
from retort_core.plans import Plan
from retort_core.schema import Schema


class Part(Model):
    """One table of an answer: `object` is a Parquet file."""

    object: str
    rows: int
    table_schema: Schema


@dataclass(frozen=True, kw_only=True)
class ResultRecord:
    id: str
    dataset: str
    task: str
    commit: str
    branch: str
    title: str
    plan: Plan | None
    parts: dict[str, Part]
    created_at: datetime


async def add(connection: AsyncConnection, record: ResultRecord) -> None:
    values = {
        **vars(record),
        "plan": record.plan.model_dump(mode="json") if record.plan is not None else None,
        "parts": {name: part.model_dump(mode="json") for name, part in record.parts.items()},
    }
    await connection.execute(insert(results).values(**values))


def _record(row: Row[Any]) -> ResultRecord:
    values = dict(row._mapping)  # noqa: SLF001 - the public accessor of SQLAlchemy
    values["plan"] = Plan.model_validate(values["plan"]) if values["plan"] else None
    values["parts"] = {name: Part.model_validate(part) for name, part in values["parts"].items()}
    return ResultRecord(**values)


async def get(connection: AsyncConnection, project: str, identifier: str) -> ResultRecord | None:
    query = (
        select(results)
        .join(datasets, datasets.c.id == results.c.dataset)
        .where(datasets.c.project == project, results.c.id == identifier)
    )
    row = (await connection.execute(query)).first()
    return _record(row) if row is not None else None


async def of_dataset(connection: AsyncConnection, dataset: str, identifier: str) -> ResultRecord | None:
    query = select(results).where(results.c.dataset == dataset, results.c.id == identifier)
    row = (await connection.execute(query)).first()
    return _record(row) if row is not None else None


async def of_conversation(connection: AsyncConnection, conversation: str) -> list[ResultRecord]:
    """Oldest first."""
    query = (
        select(results)
        .join(tasks, tasks.c.uid == results.c.task)
        .where(tasks.c.conversation == conversation)
        .order_by(results.c.created_at)
    )
    return [_record(row) for row in await connection.execute(query)]
