"""Which group is highest: 哪个城市打分最高, which city has the lowest average score. The mean by group, and it is said."""

from __future__ import annotations

import re
from typing import Final

from retort_planner.frames.answers import called, measured
from retort_planner.frames.base import Clause, Reading
from retort_planner.text import C

_WHICH: Final = (
    re.compile(
        rf"^(?:看看?|查看|问|知道)?(?:是)?(?:哪一?[个些种]|什么|哪)(?P<by>{C})(?:列)?(?:的人|的用户|用户)?(?:的)?(?:平均|均)?(?P<of>{C})(?:的)?(?P<fn>平均分?|均值|中位数|总和|合计)?(?:是)?(?:最|更)(?:高|低|大|小|多|少|好|差)(?:的)?$"
    ),
    re.compile(
        rf"^(?P<of>{C})(?:的)?(?:平均|均值)?(?:最|更)(?:高|低|大|小|多|少|好|差)的(?:是)?(?:哪一?[个些种]|什么)(?P<by>{C})$"
    ),
    re.compile(
        rf"^(?:tell me |show me )?(?:which|what)(?: of the)? (?P<by>{C}) (?:has|have|had|shows?|gives?)(?: the)? (?:highest|lowest|largest|smallest|best|worst|most|least|greatest|biggest)(?: (?P<fn>average|mean|median|total))?(?: of)?(?: the)? (?P<of>{C})$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?:tell me |show me )?(?:in )?(?:which|what) (?P<by>{C}) is(?: the)?(?: (?P<fn>average|mean|median|total))? (?P<of>{C})(?: the)? (?:highest|lowest|largest|smallest|best|worst)$",
        re.IGNORECASE,
    ),
)
_FN: Final = {"中位数": "median", "median": "median", "总和": "sum", "合计": "sum", "total": "sum"}


def which_is_highest(c: Clause) -> Reading | None:
    found = next((m for pattern in _WHICH if (m := pattern.match(c.text))), None)
    if found is None:
        return None
    by, of = c.names(found.group("by")), c.names(found.group("of"))
    said = (found.groupdict().get("fn") or "").casefold()
    fn = _FN.get(said, "mean")
    if len(by) != 1 or len(of) != 1 or not c.schema[of[0]].dtype.numeric:
        return None
    note = c.say(
        f"按每个{by[0]}的平均「{of[0]}」比较。", f"Compared by the mean of “{of[0]}” in each {by[0]}."
    )
    aggregations = [{"column": of[0], "fn": fn, "as": called(c, of[0], fn)}]
    return measured(c, by, aggregations, note if not said else "")


FRAMES = (which_is_highest,)
