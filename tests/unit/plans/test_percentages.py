"""Which figures are shares: told by the plan, in both languages."""

from __future__ import annotations

import pytest

from retort_core.plans import Plan, Step
from retort_plans.percentages import Shares, shares


def plan(op: str, **params: object) -> Plan:
    return Plan(title="", steps=(Step(id="s1", op=op, params=params),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "columns", "expected"),
    [
        (plan("value_counts", column="share"), ("value", "n", "share"), ("share",)),
        (plan("value_counts", column="城市"), ("值", "人数", "占比"), ("占比",)),
        (plan("nps", column="打分", by=["城市"]), ("城市", "NPS", "推荐者", "中立者", "贬损者", "基数"), ("推荐者", "中立者", "贬损者")),
        (
            plan("group_aggregate", by=["share"], aggregations=[{"fn": "share"}, {"fn": "count"}]),
            ("share", "share_2", "n"),
            ("share_2",),
        ),
        (
            plan("group_aggregate", aggregations=[{"column": "q5", "fn": "top2box", "as": "满意率"}]),
            ("满意率", "基数"),
            ("满意率",),
        ),
        (plan("describe", columns=["age"]), ("column", "mean"), ()),
    ],
    ids=["frequencies", "chinese", "nps", "a group called share", "own heading", "none"],
)  # fmt: skip
def test_the_columns_of_shares_are_known(
    asked: Plan, columns: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert shares(asked, "table", columns).columns == expected


def test_a_cross_table_is_all_shares_but_its_means() -> None:
    asked = plan("crosstab", rows=["q5"], banner=["城市"])
    found = shares(asked, "table", ("question", "value", "label", "total", "城市: 1"))
    assert found == Shares(("total", "城市: 1"), "value", ("均值", "mean"))


def test_bases_and_counts_are_no_shares() -> None:
    assert shares(plan("crosstab", rows=["q5"], banner=["城市"]), "bases", ("question", "total")) == Shares()
