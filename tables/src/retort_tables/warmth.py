"""What every job would compute anew, computed once: the fork server imports this, and its children share the result.

Pure Python only: a query would start threads of polars, which a fork does not survive.
"""

from __future__ import annotations

from retort_core.dateforms import vote
from retort_tables.columns.oddities import repaired

vote({"2024-01-31 08:05:00": 1})  # compiles the patterns of days and clocks: 20 ms
repaired("é\u00b4\u00a8é‡\u008fä¸\u008dé”™")  # builds the tables of wrong encodings
