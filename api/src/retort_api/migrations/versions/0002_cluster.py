"""What a cluster needs of a task and a project: namespaces, objects, leases of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from retort_api.kit.metadata import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "namespaces",
        sa.Column("project", sa.String(length=32), nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"], name=op.f("fk_namespaces_project_projects")),
        sa.PrimaryKeyConstraint("project", name=op.f("pk_namespaces")),
    )
    op.create_table(
        "run_leases",
        sa.Column("task", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=100), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["task"], ["tasks.uid"], name=op.f("fk_run_leases_task_tasks")),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_run_leases")),
    )
    op.create_table(
        "task_objects",
        sa.Column("task", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["task"], ["tasks.uid"], name=op.f("fk_task_objects_task_tasks")),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_task_objects")),
    )
