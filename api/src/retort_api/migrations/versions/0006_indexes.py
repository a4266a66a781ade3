"""indexes for what is read all the time out of tables that only grow"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN = sa.text("archived IS false")
OPEN_IN_SQLITE = sa.text("archived IS 0")


def upgrade() -> None:
    op.create_index("ix_events_dataset_seq", "events", ["dataset", "seq"], unique=False)
    op.create_index("ix_reflog_dataset_name_seq", "reflog", ["dataset", "name", "seq"], unique=False)
    op.create_index("ix_refs_head", "refs", ["head"], unique=False)
    op.create_index(
        "ix_task_objects_open",
        "task_objects",
        ["task"],
        unique=False,
        postgresql_where=OPEN,
        sqlite_where=OPEN_IN_SQLITE,
    )
