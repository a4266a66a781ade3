"""Undo and redo, read from the moves of a branch: one instruction is one move, so one undo takes back one move.

    commit, move   a step forward; what had been undone can no longer be redone (it is tagged, never lost)
    correction     replaces the last step: undoing it goes to the version before both
    undo, redo     walk along the stack

A branch that was never moved walks to the parents of its head.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from retort_api.commits.records import Move


@dataclass(frozen=True)
class Walk:
    """`back` and `forward`: where the next undo and redo lead, next one last; `abandoned`: tips undone so far."""

    back: tuple[str, ...]
    forward: tuple[str, ...]


def walk(moves: Iterable[Move]) -> Walk:
    """`moves` of one branch, oldest first."""
    back: list[str] = []
    forward: list[str] = []
    for move in moves:
        match move.why:
            case "undo":
                forward.append(move.was)
                if back and back[-1] == move.now:
                    back.pop()
            case "redo":
                back.append(move.was)
                if forward:
                    forward.pop()
            case "correction":
                forward.clear()
            case "create":
                back.clear()
                forward.clear()
            case _:
                if move.was:
                    back.append(move.was)
                forward.clear()
    return Walk(tuple(back), tuple(forward))
