"""Names that people give to what they keep, and names of refs that only the service gives.

    main                 a branch: named by people, moved by tasks
    kept-1aeb28dac059    a tag, made where a branch lets go of a version: `kept-` and the 12 characters people see of its id
    task/<uid>           a result that waits for its branch; a slash is in no name that people give

One rule for a branch on every way in: over HTTP, in words, on an object of the cluster (there as CEL, from these patterns).
"""

from __future__ import annotations

import re
from typing import Final

from retort_core.errors import BadInput
from retort_core.identity import SHORT, short

LONGEST: Final = 100
# No slash (paths, staging refs), no control characters, no `~` (ancestors), no leading `-` (options) or `.`. The same text in
# every engine that reads it: Python's, Rust's in pydantic, RE2 in the API server, a browser's.
NAME: Final = r"[^-~/\\.\x00-\x1f\x7f][^~/\\\x00-\x1f\x7f]*"
KEPT: Final = rf"kept-[0-9a-f]{{{SHORT}}}"
VERSION: Final = (
    rf"{NAME}(~[0-9]{{0,6}})?"  # a branch, a tag or the beginning of an id, and so many steps back
)
ALLOWED: Final = (
    f"1 to {LONGEST} characters, without / \\ ~ and control characters, not starting with '.' or '-'"
)
BRANCH_ALLOWED: Final = f"{ALLOWED}, no space at either end; `kept-` and {SHORT} hexadecimal digits are tags"


def staging(task: str) -> str:
    """The ref of a result that waits for its branch."""
    return f"task/{task}"


def kept(commit: str) -> str:
    """The tag of a version that a branch no longer leads to."""
    return f"kept-{short(commit)}"


def usable(text: str) -> bool:
    """Whether a dataset may be called so."""
    return len(text) <= LONGEST and re.fullmatch(NAME, text) is not None


def branch_problem(text: str) -> str:
    """What stands against a branch of that name; "" when nothing does. Nothing is cut off: a right that was asked for by
    name is for exactly this name."""
    if re.fullmatch(KEPT, text):
        return (
            f"{text!r} is the name of a tag, and tags do not move: make a branch from it under another name."
        )
    if text != text.strip() or not usable(text):
        return f"{text[:LONGEST]!r} cannot name a branch: {BRANCH_ALLOWED}."
    return ""


def branch(text: str) -> str:
    """The name itself; raises BadInput."""
    problem = branch_problem(text)
    if problem:
        raise BadInput(problem)
    return text
