"""Titles: the short message of the commit, in the language of the instruction.

The catalogue explains every step; a title is the first sentences of that, cut to one readable line.
"""

from __future__ import annotations

from typing import Final

from retort_core.errors import StepError
from retort_core.plans import Lang, Step
from retort_plans.catalogue import parse_step

LONGEST: Final = 72


def title(steps: tuple[Step, ...], lang: Lang) -> str:
    sentences = [_one(step, lang) for step in steps]
    joined = ("；" if lang == "zh" else "; ").join(sentences)
    if len(joined) <= LONGEST:
        return joined
    more = len(sentences) - 1
    head = sentences[0][: LONGEST - 12]
    if not more:
        return head + "…"
    return f"{head}…等 {len(sentences)} 步" if lang == "zh" else f"{head}… and {more} more"


def _one(step: Step, lang: Lang) -> str:
    try:
        return parse_step(step).explain(lang)
    except (StepError, NotImplementedError):
        return step.op.replace("_", " ")
