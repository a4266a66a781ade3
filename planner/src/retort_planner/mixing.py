"""An instruction makes a version or gives an answer. Where the words ask for both, the version is made and it is said.

A plan that ends in an answer changes nothing, so 「删掉…然后统计…」 as one plan would silently lose the change. 「只看广州的，统计…」
looks and does not change: there the rows of the answer are meant, and the plan stays whole.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from retort_core.plans import Lang
from retort_planner.frames.base import Part

ANSWERS: Final = frozenset({"group_aggregate", "describe", "value_counts", "crosstab", "nps"})
_LOOKS: Final = re.compile(
    r"^(?:请|帮我|麻烦)*(?:我?(?:只|仅)?想?(?:看|分析|统计|查看))|^(?:please )?(?:only |just )?(?:look|show|analy[sz]e|consider|among|for)\b",
    re.IGNORECASE,
)


def answers(part: Part) -> bool:
    return any(draft.op in ANSWERS for way in part.ways for draft in way.drafts[-1:])


def apart(parts: list[Part], text: str, lang: Lang) -> list[Part]:
    """The parts that make a version, with a note that the answer is still to be asked for."""
    versions = [part for part in parts if not answers(part)]
    if not versions or len(versions) == len(parts) or _LOOKS.match(text):
        return parts
    note = (
        "只做了数据的改动；统计请在完成后再说一次，会按改动后的数据算。"
        if lang == "zh"
        else "Only the change of the data is done; ask for the figures again afterwards, on the changed data."
    )
    return [*versions[:-1], replace(versions[-1], assumptions=(*versions[-1].assumptions, note))]
