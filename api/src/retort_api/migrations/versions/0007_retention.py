"""ends: of keys of requests, and of promises, which are bound to what was asked"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from retort_api.kit.metadata import Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PROMISED = sa.text("promised_at IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_idempotency_at", "idempotency", ["at"], unique=False)
    with op.batch_alter_table("task_askers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("promised_at", Moment(), nullable=True))
    op.create_index(
        "ix_task_askers_promised_at",
        "task_askers",
        ["promised_at"],
        unique=False,
        postgresql_where=PROMISED,
        sqlite_where=PROMISED,
    )
    # Rights that stand under no task are promises of before: they had no end, and get one from now on.
    askers = sa.table("task_askers", sa.column("task", sa.String), sa.column("promised_at", Moment()))
    tasks = sa.table("tasks", sa.column("uid", sa.String))
    kept = sa.exists().where(tasks.c.uid == askers.c.task)
    op.execute(sa.update(askers).where(~kept).values(promised_at=datetime.now(UTC)))
