"""versions are published when a branch first leads to them; those that wait for a yes are not yet"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from retort_api.kit.metadata import Big

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    published = op.create_table(
        "publications",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("branch", sa.String(length=160), nullable=False),
        sa.ForeignKeyConstraint(["commit"], ["commits.id"], name=op.f("fk_publications_commit_commits")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_publications")),
        sa.UniqueConstraint("commit", name=op.f("uq_publications_commit")),
    )
    _fill(published)
    op.drop_index("ix_refs_head", table_name="refs")


def _fill(published: sa.Table) -> None:
    """Under the numbers that versions were told of by until now."""
    commits = sa.table("commits", sa.column("seq"), sa.column("id"))
    refs = sa.table("refs", sa.column("kind"), sa.column("head"))
    moves = sa.table("reflog", sa.column("seq"), sa.column("name"), sa.column("now"))
    first = sa.select(moves.c.now, sa.func.min(moves.c.seq).label("seq")).group_by(moves.c.now).subquery()
    came = sa.join(commits, first, first.c.now == commits.c.id, isouter=True)
    came = came.join(moves, moves.c.seq == first.c.seq, isouter=True)
    staged = sa.exists().where(refs.c.kind == "staging", refs.c.head == commits.c.id)
    found = sa.select(commits.c.seq, commits.c.id, sa.func.coalesce(moves.c.name, "")).select_from(came)
    op.execute(published.insert().from_select(["seq", "commit", "branch"], found.where(~staged)))
    if op.get_bind().dialect.name == "postgresql":
        highest = sa.select(sa.func.max(published.c.seq)).scalar_subquery()
        numbers = sa.func.pg_get_serial_sequence("publications", "seq")
        op.execute(sa.select(sa.func.setval(numbers, highest)))  # of nothing: null, and nothing is set
