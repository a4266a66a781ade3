"""Tables of the audit. `audit_lines` only grows: the database itself refuses to change or delete a line.

Whoever owns the database can take that guard away; the chain is what shows it afterwards.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, Column, Index, Integer, String, Table, Text, event

from retort_api.kit.metadata import Big, Moment, metadata

lines = Table(
    "audit_lines",
    metadata,
    Column("chain", String(32), primary_key=True),  # a project; "" = the system
    Column("lane", Integer, primary_key=True),
    Column("seq", Big, primary_key=True),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("event", Text, nullable=False),  # canonical JSON, byte for byte as it was hashed
    Index("ix_audit_lines_chain_at", "chain", "at"),
)
heads = Table(  # where each lane ends; locked by the one writer that is appending to it
    "audit_heads",
    metadata,
    Column("chain", String(32), primary_key=True),
    Column("lane", Integer, primary_key=True),
    Column("seq", Big, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("seal", String(64), nullable=False),
)

REFUSED: Final = "the audit only grows"
SQLITE: Final = tuple(
    f"CREATE TRIGGER audit_lines_no_{verb.lower()} BEFORE {verb} ON audit_lines BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    for verb in ("UPDATE", "DELETE")
)
_FUNCTION: Final = (
    "CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$"
)
_TRIGGER: Final = (
    "CREATE TRIGGER audit_lines_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_lines "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()"
)
POSTGRESQL: Final = (_FUNCTION, _TRIGGER)


def _ddl(statement: str) -> DDL:
    return DDL(statement)  # type: ignore[no-untyped-call]


for _dialect, _statements in (("sqlite", SQLITE), ("postgresql", POSTGRESQL)):
    for _statement in _statements:
        event.listen(lines, "after_create", _ddl(_statement).execute_if(dialect=_dialect))
