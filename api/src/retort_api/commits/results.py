"""SQL of read-only results: tables pinned to the version they were computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.records import datasets, results, tasks
from retort_core.models import Model
from retort_core.plans import Plan
from retort_core.schema import Schema
from retort_plans.percentages import Shares, shares


class Part(Model):
    """One table of an answer: `object` is a Parquet file. `shares`: columns of shares, but for rows whose cell in the
    column `beside` is one of `others`."""

    object: str
    rows: int
    table_schema: Schema
    shares: tuple[str, ...] = ()
    beside: str = ""
    others: tuple[str, ...] = ()


def with_shares(parts: Mapping[str, Part], plan: Plan | None, known: Part | None) -> dict[str, Part]:
    """The parts with what is known about their figures: from the plan, and from the answer they were made from."""
    return {name: _with_shares(part, name, plan, known) for name, part in parts.items()}


def _with_shares(part: Part, name: str, plan: Plan | None, known: Part | None) -> Part:
    columns = part.table_schema.names
    found = shares(plan, name, columns) if plan is not None else Shares()
    if known is not None and not found.columns:
        kept = tuple(column for column in known.shares if column in columns)
        found = Shares(kept, known.beside, known.others)
    return part.model_copy(update={"shares": found.columns, "beside": found.beside, "others": found.others})


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


async def of_conversation(connection: AsyncConnection, dataset: str, conversation: str) -> list[ResultRecord]:
    """Oldest first."""
    query = (
        select(results)
        .join(tasks, tasks.c.uid == results.c.task)
        .where(tasks.c.dataset == dataset, tasks.c.conversation == conversation)
        .order_by(results.c.created_at)
    )
    return [_record(row) for row in await connection.execute(query)]
