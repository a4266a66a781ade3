"""SQL of templates. Every function works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.templates.tables import templates
from retort_plans.templates import Template


@dataclass(frozen=True, kw_only=True)
class TemplateRecord:
    id: str
    project: str
    name: str
    template: Template
    author: str
    created_at: datetime


async def add(connection: AsyncConnection, record: TemplateRecord) -> None:
    values = {**vars(record), "template": record.template.model_dump(mode="json")}
    await connection.execute(insert(templates).values(**values))


async def find(connection: AsyncConnection, project: str, name: str) -> TemplateRecord | None:
    query = select(templates).where(templates.c.project == project, templates.c.name == name)
    row = (await connection.execute(query)).first()
    return _record(row) if row is not None else None


async def page(connection: AsyncConnection, project: str, after: str, limit: int) -> list[TemplateRecord]:
    query = select(templates).where(templates.c.project == project, templates.c.name > after)
    return [_record(row) for row in await connection.execute(query.order_by(templates.c.name).limit(limit))]


async def remove(connection: AsyncConnection, project: str, name: str) -> bool:
    statement = delete(templates).where(templates.c.project == project, templates.c.name == name)
    return (await connection.execute(statement)).rowcount == 1


def _record(row: Row[Any]) -> TemplateRecord:
    values = dict(row._mapping)  # noqa: SLF001 - the public accessor of SQLAlchemy
    return TemplateRecord(**{**values, "template": Template.model_validate(values["template"])})
