"""Tables of people and their rights. Secrets are never stored: passwords as Argon2, everything random as SHA-256.

`account` columns are ids of local accounts; `subject` and `name` columns hold the name of a caller, which is unique
over all kinds: local names have no colon, or begin with `retort:` in a cluster; those of identity providers begin with a prefix.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table

from retort_api.kit.metadata import Big, Moment, metadata, name_type

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", name_type(100), nullable=False, unique=True),
    Column("password", String(200), nullable=False),  # argon2id, with its parameters
    Column("admin", Boolean, nullable=False, default=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", Moment, nullable=False),
)
sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("account", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("generation", Integer, nullable=False),  # of the refresh token that is still good
    Column("agent", String(200), nullable=False, default=""),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("ended_at", Moment, nullable=True),
    Column("why", String(16), nullable=False, default=""),  # logout, reuse, password, disabled
)
keys = Table(
    "api_keys",
    metadata,
    Column("id", name_type(32), primary_key=True),
    Column("account", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("title", String(100), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("project", String(32), nullable=False, default=""),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("ended_at", Moment, nullable=True),
)
invitations = Table(
    "invitations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("project", String(32), nullable=False, default=""),
    Column("role", String(16), nullable=False),
    Column("admin", Boolean, nullable=False, default=False),
    Column("first", Boolean, nullable=False, default=False),  # good only while there is no account at all
    Column("by", String(200), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)
lockouts = Table(
    "lockouts",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)
revoked = Table(  # tokens of others, refused from the moment their bearer logged out here
    "revoked_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("expires_at", Moment, nullable=False, index=True),
)
members = Table(
    "members",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("subject", name_type(200), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("by", String(200), nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_members_subject", "subject"),
)
protections = Table(
    "protections",
    metadata,
    Column("dataset", ForeignKey("datasets.id"), primary_key=True),
    Column("branch", String(100), primary_key=True),
    Column("by", String(200), nullable=False),
    Column("at", Moment, nullable=False),
)
askers = Table(  # what the requester of a task was allowed when asking, and from where it was asked
    "task_askers",
    metadata,
    Column("task", String(32), primary_key=True),
    Column("project", String(32), nullable=False),
    Column("name", String(200), nullable=False),
    Column("change", Boolean, nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("facts", JSON, nullable=False),  # the user and the addresses of its audit line
    # Of a promise, whose task has no uid yet: what was asked for, as a digest, and when.
    Column("asked", String(64), nullable=True),
    Column("promised_at", Moment, nullable=True),
    Index("ix_task_askers_project_name", "project", "name"),
)
Index(
    "ix_task_askers_promised_at",
    askers.c.promised_at,
    postgresql_where=askers.c.promised_at.is_not(None),
    sqlite_where=askers.c.promised_at.is_not(None),
)
yeses = Table(  # who said yes to which version, with what right
    "approvals",
    metadata,
    Column("task", String(32), primary_key=True),
    Column("commit", String(64), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("protected", Boolean, nullable=False),
)
owners = Table(  # whose turn a conversation is
    "conversation_owners",
    metadata,
    Column("conversation", ForeignKey("conversations.id"), primary_key=True),
    Column("name", String(200), nullable=False),
)
quotas = Table(
    "quotas",
    metadata,
    Column("project", ForeignKey("projects.id"), primary_key=True),
    Column("storage_bytes", Big, nullable=False),
    Column("running_tasks", Integer, nullable=False),
    Column("pending_tasks", Integer, nullable=False),
)
stored = Table(  # one line for everything a project had stored; never updated, so writers do not wait for one another
    "stored",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("project", String(32), nullable=False),
    Column("what", String(16), nullable=False),  # upload, version, result
    Column("bytes", Big, nullable=False),
    Index("ix_stored_project_bytes", "project", "bytes"),
)
