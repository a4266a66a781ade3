"""What every job would compute anew, computed once: the fork server imports this, and its children share the result.

No queries: they would start threads of polars, which a fork does not survive.
"""

from __future__ import annotations

import polars as pl

from retort_core.dateforms import vote
from retort_tables.columns.oddities import repaired

vote({"2024-01-31 08:05:00": 1})  # compiles the patterns of days and clocks: 20 ms
repaired("é\u00b4\u00a8é‡\u008fä¸\u008dé”™")  # builds the tables of wrong encodings
# Makes polars look up how deep its stack may grow, once and without a thread. Behind the walls /proc/self/maps cannot
# be read, and polars, not knowing, would map a new stack for every query: 0.15 ms each.
pl.col("any").meta.tree_format(return_as_string=True)
