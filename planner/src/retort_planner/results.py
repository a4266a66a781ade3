"""The last answer as a table of its own: after a read-only turn, sorting it or naming a column only it has means it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from retort_core.plans import Outcome, Step
from retort_core.schema import Column, DType, Kind, Schema
from retort_planner import references
from retort_planner.linking import Linked
from retort_planner.requests import Request, Turn

ON_RESULTS: Final = frozenset(
    {"sort_rows", "filter_rows", "select_columns", "rename_columns", "reorder_columns", "drop_columns"}
)
_PHRASE: Final = re.compile(
    r"(?:把|将|对)?(?:刚才|刚刚|上面|上述|前面|这个|上一个)的?(?:那个|这个)?(?:统计|查询|汇总|分析)?(?:结果|表格?|统计表|汇总表)(?:中|里)?的?|\b(?:the|that|this|those)(?: last| previous| above)? (?:results?|answer|summary|output)\b",
    re.IGNORECASE,
)


def columns_of(turn: Turn) -> tuple[str, ...]:
    """Columns of the answer's table: as recorded, else what its aggregation must give."""
    if turn.columns:
        return turn.columns
    step = turn.steps[-1] if turn.steps else None
    return _aggregate(step) if step is not None and step.op == "group_aggregate" else ()


def _aggregate(step: Step) -> tuple[str, ...]:
    by, made = step.params.get("by"), step.params.get("aggregations")
    groups = [name for name in by if isinstance(name, str)] if isinstance(by, list) else []
    named = [str(item.get("as")) for item in made if isinstance(item, dict)] if isinstance(made, list) else []
    return tuple(dict.fromkeys([*groups, *named]))


def schema_of(turn: Turn, base: Schema) -> Schema | None:
    """Grouping columns keep their type; figures are numbers."""
    names = columns_of(turn)
    if not names:
        return None
    made = [
        Column(
            id=f"r{n}",
            name=name,
            dtype=found.dtype if (found := base.find(name)) else DType.number,
            kind=found.kind if found else Kind.numeric,
        )
        for n, name in enumerate(names)
    ]
    return Schema(columns=tuple(made))


def over_result(
    request: Request, text: str, linked: Linked, over: Callable[[Schema, str, str], Outcome | None]
) -> Outcome | None:
    """The outcome on the last answer's table, or None when the dataset is meant."""
    turn = references.last_result(request)
    schema = schema_of(turn, request.schema) if turn is not None else None
    if turn is None or schema is None:
        return None
    plain = linked.plain(text)
    said = _PHRASE.search(plain)
    if said is not None:
        return over(schema, plain[: said.start()] + plain[said.end() :], turn.result)
    only_there = any(name in plain for name in schema.names if request.schema.find(name) is None)
    sorts = re.search(
        r"排序|排列|降序|升序|倒序|从高到低|从低到高|从大到小|从小到大|\b(?:sort|order|rank|descending|ascending)\b",
        plain,
        re.IGNORECASE,
    )
    return over(schema, plain, turn.result) if only_there or sorts else None
