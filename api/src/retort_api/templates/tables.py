"""Where templates are kept: one row a template, its steps whole."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, String, Table, UniqueConstraint

from retort_api.records import Moment, metadata

templates = Table(
    "templates",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", ForeignKey("projects.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("template", JSON, nullable=False),  # `retort_plans.templates.Template`
    Column("author", String(200), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("project", "name"),
)
