"""Every module with tables, so that whoever imports this has the whole metadata. A new slice adds its module here,
and a revision of the database with it: `python tools/draft_migration.py NAME "what it is for"`.
"""

from __future__ import annotations

from retort_api import records
from retort_api.access import tables as access
from retort_api.audit import tables as audit
from retort_api.cluster import tables as cluster
from retort_api.kit.metadata import metadata
from retort_api.templates import tables as templates

__all__ = ["access", "audit", "cluster", "metadata", "records", "templates"]
