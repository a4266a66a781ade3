"""Which trace a task lies in, as W3C writes it: of the request that asked for it, else one that bears the task's own id."""

from __future__ import annotations

import re
from typing import Final

_TRACE: Final = re.compile(r"(?=.{0,15}[1-9a-f])[0-9a-f]{32}")  # W3C: no half of it is all zeros
_PARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def own_traceparent(task: str) -> str:
    """Of a task that no traced request asked for, as those of `kubectl`: its id is its trace's, so that what is done for it
    lies in one, and is found by whoever has the object. Empty for ids of another shape."""
    return f"00-{task}-{task[:16]}-01" if _TRACE.fullmatch(task) else ""


def traceparent_of(given: str, task: str) -> str:
    """What somebody wrote down for the task, if it is one."""
    return given if _PARENT.fullmatch(given) else own_traceparent(task)
