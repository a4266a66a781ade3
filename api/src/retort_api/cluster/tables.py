"""What only a cluster needs of a task and a project: the object and the namespace behind them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table

from retort_api.records import Moment, metadata

namespaces = Table(
    "namespaces",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("uid", String(36), nullable=False),  # of one life of the namespace; another one is no heir
)
task_objects = Table(
    "task_objects",
    metadata,
    Column("task", ForeignKey("tasks.uid"), primary_key=True),
    Column("name", String(253), nullable=False),
    Column("revision", Integer, nullable=False, default=0),  # decisions and replies so far
    Column("archived", Boolean, nullable=False, default=False),
)
# Every 30 s the operator asks for the open ones, which are a few of all there ever were.
Index(
    "ix_task_objects_open",
    task_objects.c.task,
    postgresql_where=task_objects.c.archived.is_(False),
    sqlite_where=task_objects.c.archived.is_(False),
)
run_leases = Table(
    "run_leases",
    metadata,
    Column("task", ForeignKey("tasks.uid"), primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),  # of the operator's own lease: an older leader starts nothing
    Column("holder", String(100), nullable=False),
    Column("expires_at", Moment, nullable=False),
)
