"""The history as lanes of text, one column per line of development (pure: commits in, cells out).

Commits come newest first. A lane waits for the commit id it leads to; a commit sits in the leftmost lane that
waits for it, its first parent continues that lane, further parents and other waiting lanes open or close beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Node:
    """A commit as the graph needs it."""

    id: str
    parents: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Line:
    """`cells`: one character per lane; `node`: the commit on this line (None = only connections)."""

    cells: str
    node: str | None = None


def lanes(nodes: Sequence[Node]) -> list[Line]:
    """Lines of the graph, newest first; at most two lines per commit."""
    known = {node.id for node in nodes}
    waiting: list[str] = []
    lines: list[Line] = []
    for node in nodes:
        if node.id not in waiting:
            waiting.append(node.id)
        at = waiting.index(node.id)
        lines.append(Line(cells=_row(waiting, at), node=node.id))
        closing = [i for i, wanted in enumerate(waiting) if wanted == node.id and i != at]
        if closing:
            lines.append(Line(cells=_merge(len(waiting), at, closing)))
        waiting = _advance(waiting, at, closing, [parent for parent in node.parents if parent in known])
    return lines


def _row(waiting: Sequence[str], at: int) -> str:
    return " ".join("●" if i == at else "│" for i in range(len(waiting)))


def _merge(width: int, at: int, closing: Iterable[int]) -> str:
    """Lanes that end in the commit above: drawn as a branch-off towards it."""
    ends = set(closing)
    last = max(ends)
    cells = ["├" if i == at else "╯" if i == last else "┴" if i in ends else "│" for i in range(width)]
    text = ""
    for i, cell in enumerate(cells):
        text += cell + ("─" if at <= i < last else " ")
    return text.rstrip()


def _advance(waiting: list[str], at: int, closing: Iterable[int], parents: Sequence[str]) -> list[str]:
    after: list[str | None] = list(waiting)
    for i in closing:
        after[i] = None
    after[at] = parents[0] if parents else None
    kept = [wanted for wanted in after if wanted is not None]
    return kept + [parent for parent in parents[1:] if parent not in kept]
