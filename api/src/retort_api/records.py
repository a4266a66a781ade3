"""Tables of projects, datasets, versions, tasks, events, conversations and results.

Times are UTC. JSON columns hold the models of `retort_core`, whole. Repositories are the only modules that read or
write them; how they come into a database is `retort_api.migrations`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from retort_api.kit.metadata import Big, Moment, metadata, name_type

__all__ = ["Moment", "metadata"]  # other slices hang their tables on the same metadata


def _at(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Moment, nullable=null)


def _dataset() -> Column[Any]:
    return Column("dataset", ForeignKey("datasets.id"), nullable=False, index=True)


projects = Table(
    "projects",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", name_type(100), nullable=False, unique=True),
    Column("conventions", JSON, nullable=False, default=dict),
    _at("created_at"),
)
datasets = Table(
    "datasets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", ForeignKey("projects.id"), nullable=False),
    Column("name", name_type(100), nullable=False),
    Column("title", String(200), nullable=False, default=""),
    _at("created_at"),
    UniqueConstraint("project", "name"),
)
uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    _dataset(),
    Column("filename", String(255), nullable=False),
    Column("object", String(200), nullable=False),
    Column("size", Big, nullable=False),
    Column("digest", String(64), nullable=False),
    _at("created_at"),
)
upload_sessions = Table(
    "upload_sessions",
    metadata,
    Column("id", String(32), primary_key=True),  # of the upload that it becomes, too
    _dataset(),
    Column("caller", name_type(200), nullable=False),
    Column("filename", String(255), nullable=False),
    Column("wish", JSON, nullable=False),  # mode, key, options, branch, lang
    Column("length", Big, nullable=False),
    Column("received", Big, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("done", Integer, nullable=False, default=0),
    _at("created_at"),
    Column("expires_at", Moment, nullable=False, index=True),
)
upload_parts = Table(
    "upload_parts",
    metadata,
    Column("session", ForeignKey("upload_sessions.id"), primary_key=True),
    Column("start", Big, primary_key=True, autoincrement=False),
    Column("size", Big, nullable=False),
    Column("object", String(200), nullable=False),
)
commits = Table(
    "commits",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    _dataset(),
    Column("root", String(64), nullable=False),
    Column("snapshot", String(64), nullable=False),  # key of the manifest: where the data lies
    Column("parents", JSON, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("instruction", Text, nullable=False),
    Column("author", String(200), nullable=False),
    Column("task", String(32), nullable=False),
    Column("attempt", String(80), nullable=False, unique=True),
    Column("counts", JSON, nullable=False),
    Column("plan", JSON, nullable=True),
    Column("script", Text, nullable=False, default=""),
    Column("details", JSON, nullable=False, default=dict),  # facts about the import, versions of the engines
    _at("created_at"),
)
refs = Table(
    "refs",
    metadata,
    Column("dataset", ForeignKey("datasets.id"), primary_key=True),
    Column("name", name_type(160), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("head", String(64), nullable=False),
    Column("version", Integer, nullable=False, default=1),
    _at("updated_at"),
)
reflog = Table(
    "reflog",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    _dataset(),
    Column("name", String(160), nullable=False),
    Column("was", String(64), nullable=False),
    Column("now", String(64), nullable=False),
    Column("why", String(16), nullable=False),
    Column("by", String(200), nullable=False),
    _at("at"),
    # All moves of a branch are read whenever it moves.
    Index("ix_reflog_dataset_name_seq", "dataset", "name", "seq"),
)
# A version is published when a branch or a tag first leads to it; one that waits for a yes is not.
publications = Table(
    "publications",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("commit", ForeignKey("commits.id"), nullable=False, unique=True),
    Column("branch", String(160), nullable=False),  # empty: a tag was first
)
tasks = Table(
    "tasks",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("uid", String(32), nullable=False, unique=True),
    Column("project", ForeignKey("projects.id"), nullable=False, index=True),
    _dataset(),
    Column("branch", String(100), nullable=False),
    Column("base", String(128), nullable=False),
    Column("source", JSON, nullable=False),
    Column("review", String(16), nullable=False),
    Column("requester", String(200), nullable=False),
    Column("lang", String(2), nullable=False),
    Column("conversation", String(32), nullable=False, default="", index=True),
    Column("deadline_seconds", Integer, nullable=False),
    Column("answer", JSON, nullable=True),
    Column("approval", JSON, nullable=True),
    Column("cancelled", Integer, nullable=False, default=0),
    Column("status", JSON, nullable=False),
    Column("phase", String(16), nullable=False, index=True),
    Column("replies", JSON, nullable=False, default=dict),  # of Prepare, Run, Promote: what was observed
    Column("work", JSON, nullable=False, default=dict),  # what preparation left for the run
    _at("created_at"),
    _at("finished_at", null=True),
)
events = Table(
    "events",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("project", String(32), nullable=False),
    Column("dataset", String(32), nullable=False),
    Column("task", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("data", JSON, nullable=False),
    _at("at"),
    Index("ix_events_task_seq", "task", "seq"),
    Index("ix_events_project_seq", "project", "seq"),
    Index("ix_events_dataset_seq", "dataset", "seq"),
    sqlite_autoincrement=True,  # a sequence number is never given twice, also after old events are swept
)
conversations = Table(
    "conversations",
    metadata,
    Column("id", String(32), primary_key=True),
    _dataset(),
    Column("branch", String(100), nullable=False),
    Column("title", String(200), nullable=False),
    _at("created_at"),
)
messages = Table(
    "messages",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("conversation", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("lang", String(2), nullable=False),
    Column("task", String(32), nullable=False),
    _at("at"),
)
results = Table(
    "results",
    metadata,
    Column("id", String(32), primary_key=True),
    _dataset(),
    Column("task", String(32), nullable=False, unique=True),
    Column("commit", String(64), nullable=False),
    Column("branch", String(100), nullable=False),
    Column("title", Text, nullable=False),
    Column("plan", JSON, nullable=True),
    Column("parts", JSON, nullable=False),  # name -> object, schema, rows
    _at("created_at"),
)
idempotency = Table(
    "idempotency",
    metadata,
    Column("project", String(32), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("task", String(32), nullable=False),
    Column("at", Moment, nullable=False, index=True),
)
