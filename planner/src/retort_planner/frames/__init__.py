"""Frames: how operations are spoken of, one module per family. Each frame reads a clause or lets it pass."""

from __future__ import annotations

from typing import Final

from retort_planner.frames import (
    annotate,
    answers,
    cells,
    columns,
    derive,
    described,
    duplicates,
    missing,
    numbers,
    openended,
    overviews,
    ranking,
    recoding,
    rows,
    standards,
    texts,
    values,
)
from retort_planner.frames.base import Clause, Frame, Reading

ALL: Final[tuple[Frame, ...]] = (
    *columns.FRAMES,
    *rows.FRAMES,
    *duplicates.FRAMES,
    *missing.FRAMES,
    *cells.FRAMES,
    *values.FRAMES,
    *recoding.FRAMES,
    *texts.FRAMES,
    *standards.FRAMES,
    *numbers.FRAMES,
    *derive.FRAMES,
    *annotate.FRAMES,
    *answers.FRAMES,
    *overviews.FRAMES,
    *openended.FRAMES,
    *ranking.FRAMES,
    *described.FRAMES,
)


def read(clause: Clause) -> Reading | None:
    """The weightiest frame that explains the whole clause."""
    found = [reading for frame in ALL if (reading := frame(clause)) is not None]
    return max(found, key=lambda reading: reading.weight) if found else None
