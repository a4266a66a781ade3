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
                _shift(back, forward, move)
            case "redo":
                _shift(forward, back, move)
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


def _shift(source: list[str], target: list[str], move: Move) -> None:
    """One or more steps along the stacks, up to where the move went; a move to elsewhere is one step."""
    if move.now not in source:
        target.append(move.was)
        return
    here = move.was
    while here != move.now:
        target.append(here)
        here = source.pop()
