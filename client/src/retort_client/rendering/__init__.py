"""Replies of the service as rich renderables: nothing is printed here.

Text from data goes through `Text`, never through markup, so that a cell such as `[red]` or an escape sequence
stays what it is.
"""

from __future__ import annotations

from retort_client.rendering import notebook
from retort_client.rendering.pages import result_table, table_page
from retort_client.rendering.replies import counts, question, replay, size, suggestions, task_reply
from retort_client.rendering.texts import cell, plain
from retort_client.rendering.versions import commit_line, diff, history, profile

__all__ = [
    "cell", "commit_line", "counts", "diff", "history", "notebook", "plain", "profile", "question", "replay", "result_table",
    "size", "suggestions", "table_page", "task_reply",
]  # fmt: skip
