"""Run by alembic inside the connection and transaction that `schema` hands over."""

from __future__ import annotations

from alembic import context

from retort_api.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name
    == "sqlite",  # SQLite cannot alter: the table is made anew and filled
    transactional_ddl=True,  # both can, and ours opens the transaction
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
