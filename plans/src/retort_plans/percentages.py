"""Which figures of an answer are shares: stored as 0 to 1, shown as percent.

A table says nothing about its figures; the plan that made it does. Headings come in the language of the answer, so
both are known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from retort_core.plans import Lang, Plan
from retort_plans.catalogue import parse_step
from retort_plans.headings import heading
from retort_plans.operations.answers import GroupAggregate, Nps, ValueCounts
from retort_plans.operations.base import Operation
from retort_plans.operations.crosstabs import Crosstab
from retort_plans.statistics import SHARES

LANGS: Final[tuple[Lang, ...]] = ("zh", "en")
MAIN: Final = "table"


@dataclass(frozen=True)
class Shares:
    """`columns` hold shares, except in rows whose cell in the column `beside` is one of `others`."""

    columns: tuple[str, ...] = ()
    beside: str = ""
    others: tuple[str, ...] = ()


def shares(plan: Plan, part: str, columns: Sequence[str]) -> Shares:
    """Of the table `part` of the answer to `plan`, which has `columns`."""
    if not plan.steps or part != MAIN:
        return Shares()
    operation = parse_step(plan.steps[-1])
    if isinstance(operation, Crosstab):
        return _of_crosstab(columns)
    titles = {title for lang in LANGS for title in _titles(operation, lang)}
    return Shares(columns=tuple(column for column in columns if column in titles))


def _titles(operation: Operation, lang: Lang) -> list[str]:
    match operation:
        case GroupAggregate():
            return operation.titles(SHARES, lang)
        case ValueCounts():
            return [heading("share", lang)]
        case Nps():
            return [heading(key, lang, operation.by) for key in ("promoters", "passives", "detractors")]
    return []


def _of_crosstab(columns: Sequence[str]) -> Shares:
    """Every column but those that say what a row is; the means under a scale are none."""
    index = {heading(key, lang) for key in ("question", "value", "label") for lang in LANGS}
    value = next((c for c in columns if c in {heading("value", lang) for lang in LANGS}), "")
    means = tuple(heading("mean", lang) for lang in LANGS)
    return Shares(tuple(column for column in columns if column not in index), value, means)
