"""Scores of a planner on the cases: right outcomes, and destructive errors (what is lost that the gold keeps).

A case is right when the outcome has exactly the gold's steps with at least the gold's parameters; names that a person
did not give may differ. A destructive error is a planned step that drops rows, columns or cells and is not the gold's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from retort_core.plans import Lang, Outcome, Planned, Step
from retort_planner.eval import cases_en, cases_zh, tables
from retort_planner.eval.gold import Gold, matches, right
from retort_planner.requests import Request
from retort_planner.rules import plan

TODAY: Final = date(2024, 6, 5)
DESTRUCTIVE: Final = frozenset(
    {
        "drop_columns",
        "select_columns",
        "filter_rows",
        "drop_duplicates",
        "drop_missing",
        "set_value",
        "handle_outliers",
    }
)
# Operations that say the same in other words.
_SAME: Final[dict[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]] | None]]] = {}


@dataclass(frozen=True)
class Case:
    """`steps`: the gold; every step an operation and the parameters that must come out."""

    text: str
    lang: Lang
    steps: tuple[tuple[str, dict[str, Any]], ...]
    family: str


@dataclass
class Score:
    """What came out."""

    right: int = 0
    wrong: list[tuple[Case, Outcome]] = field(default_factory=list)
    destructive: list[tuple[Case, Outcome]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # of the processor: others' work does not count

    @property
    def total(self) -> int:
        return self.right + len(self.wrong)

    @property
    def share(self) -> float:
        return self.right / self.total if self.total else 0.0

    @property
    def p50(self) -> float:
        return sorted(self.seconds)[len(self.seconds) // 2]


def cases(lang: Lang) -> Iterable[Case]:
    source = cases_zh.CASES if lang == "zh" else cases_en.CASES
    for op, items in source.items():
        for text, params in items:
            yield Case(text, lang, ((op, params),), op)


def request(text: str, lang: Lang, **more: Any) -> Request:
    return Request(text, tables.schema(lang), tables.profile(lang), today=TODAY, **more)


def fits(case: Case, steps: tuple[Step, ...]) -> bool:
    return len(steps) == len(case.steps) and all(
        step.op == op and matches(params, step.params)
        for step, (op, params) in zip(steps, case.steps, strict=True)
    )


def lossy(case: Case, outcome: Outcome) -> bool:
    """A planned step that loses something and is not the gold's."""
    if not isinstance(outcome, Planned):
        return False
    return any(
        step.op in DESTRUCTIVE
        and not any(step.op == op and matches(params, step.params) for op, params in case.steps)
        for step in outcome.plan.steps
    )


def score(wanted: Iterable[Case]) -> Score:
    found = Score()
    for case in wanted:
        started = time.thread_time()
        outcome = plan(request(case.text, case.lang))
        found.seconds.append(time.thread_time() - started)
        if isinstance(outcome, Planned) and fits(case, outcome.plan.steps):
            found.right += 1
        else:
            found.wrong.append((case, outcome))
        if lossy(case, outcome):
            found.destructive.append((case, outcome))
    return found


def destroys(gold: Gold, outcome: Outcome) -> bool:
    """A planned step that loses something and stands in none of the plans that are right."""
    if not isinstance(outcome, Planned):
        return False
    wanted = [step for steps in gold.plans for step in steps]
    return any(
        step.op in DESTRUCTIVE
        and not any(step.op == op and matches(params, step.params) for op, params in wanted)
        for step in outcome.plan.steps
    )


def score_gold(sentences: Iterable[tuple[str, Gold]], lang: Lang) -> Score:
    """Of sentences whose right outcome may also be a question or a refusal."""
    found = Score()
    for text, gold in sentences:
        started = time.thread_time()
        outcome = plan(request(text, lang))
        found.seconds.append(time.thread_time() - started)
        case = Case(text, lang, gold.plans[0] if gold.plans else (), "informal")
        if right(gold, outcome):
            found.right += 1
        else:
            found.wrong.append((case, outcome))
        if destroys(gold, outcome):
            found.destructive.append((case, outcome))
    return found


def main() -> None:
    """Print the scores of the rule planner, with what is wrong."""
    for lang in ("zh", "en"):
        result = score(cases(lang))
        print(  # noqa: T201
            f"{lang}: {result.right}/{result.total} = {result.share:.1%}, destructive errors {len(result.destructive)}, p50 {result.p50 * 1000:.2f} ms"
        )
        for case, outcome in result.wrong:
            print(f"  {case.family}: {case.text} -> {outcome.model_dump(exclude_defaults=True)}")  # noqa: T201


if __name__ == "__main__":
    main()
