"""Parameters of every operation, drawn for the schema of `drawn_tables`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from drawn_tables import POOLS, RAWS, SCHEMA
from hypothesis import strategies as st

from retort_plans.reference import fold_text

NAMES = SCHEMA.names
TEXTS = ("编号", "城市", "多选")
NUMBERS = ("年龄", "打分", "身高", "金额")
DATES = ("生日", "时间")
name = st.sampled_from(NAMES)
some_names = st.lists(name, min_size=1, max_size=3, unique=True)
LITERALS: dict[str, Sequence[Any]] = {
    "编号": ["a1", " A1", "b2"],
    "年龄": [0, 18, "30", 18.5, "98"],
    "打分": [1, 5, 98, "满意", 2.5],
    "身高": [0.5, 3, "2.675", -1.5],
    "金额": [1, "2.50", 19.99, -0.05],
    "会员": [True, "否", "true"],
    "生日": ["2024-01", "2024", "2024-1-31", "2024/02/01"],
    "时间": ["2024-01", "2024-01-31", "2024-02-01 08:05", "2023"],
    "城市": ["北京", "ＢＪ", "beijing", "x y", "a-b", "1", 1],
    "多选": ["1", 2, 10, "1;3", "98"],
}
NEVER_TEXTUAL = ("年龄", "打分", "身高", "金额", "会员", "生日", "时间")


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    own = draw(name)
    ops = ["eq", "ne", "in", "nin", "is_missing", "is_invalid", "is_valid"]
    if own in TEXTS:
        ops += ["contains", "not_contains", "starts", "ends", "matches"]
    if own not in ("会员", *TEXTS):
        ops += ["lt", "le", "gt", "ge", "between"]
    op = draw(st.sampled_from(ops))
    literal = st.sampled_from(LITERALS[own])
    if op.startswith("is_"):
        return {"column": own, "op": op}
    if op == "matches":
        return {
            "column": own,
            "op": op,
            "value": draw(st.sampled_from(["^[a-z]+$", "北", r"\d", "京$", "(a|B)", "1{1,2}"])),
        }
    if op in ("in", "nin"):
        return {"column": own, "op": op, "value": draw(st.lists(literal, min_size=1, max_size=3))}
    if op == "between":
        return {"column": own, "op": op, "value": {"low": draw(literal), "high": draw(literal)}}
    return {"column": own, "op": op, "value": draw(literal)}


conditions = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)


def stored(own: str) -> st.SearchStrategy[Any]:
    """Literals that a cell of the column can hold."""
    fitting = {
        "年龄": [0, 18, "30"],
        "打分": [1, "满意", 98],
        "金额": [1, "2.50", "0.10"],
        "时间": ["2024-01-31", "2024-02-01 08:05"],
    }
    return st.sampled_from(fitting.get(own, LITERALS[own]))


def calls(
    fn: str, args: st.SearchStrategy[Any], fewest: int, most: int, **more: st.SearchStrategy[Any]
) -> Any:
    return st.fixed_dictionaries(
        {"fn": st.just(fn), "args": st.lists(args, min_size=fewest, max_size=most)}, optional=more
    )


number = st.one_of(
    st.sampled_from(NUMBERS).map(lambda n: {"column": n}),
    st.sampled_from([2, -3, 0, 0.5]).map(lambda v: {"value": v}),
)
text = st.one_of(st.sampled_from(TEXTS).map(lambda n: {"column": n}), st.just({"value": "-"}))
dates = st.sampled_from(DATES).map(lambda n: {"column": n})
one_number = st.one_of(
    *(calls(fn, number, 1, 1) for fn in ("neg", "abs")),
    *(calls(fn, number, 2, 2) for fn in ("sub", "div")),
    *(calls(fn, number, 2, 3) for fn in ("add", "mul")),
    *(calls(fn, number, 2, 3, at_least=st.integers(1, 2)) for fn in ("mean", "sum", "min", "max")),
    calls("round", number, 1, 1, digits=st.integers(0, 2)),
)
expressions = st.one_of(
    one_number,
    calls("add", one_number, 2, 2),
    calls("round", calls("div", number, 2, 2), 1, 1, digits=st.integers(0, 3)),
    calls("count_valid", name.map(lambda n: {"column": n}), 1, 3),
    calls("concat", name.map(lambda n: {"column": n}), 1, 3),
    *(calls(fn, text, 1, 1) for fn in ("length", "upper", "lower")),
    *(calls(fn, dates, 1, 1) for fn in ("year", "month", "day", "weekday")),
    calls("days_between", dates, 2, 2),
    st.sampled_from(DATES).flatmap(lambda n: calls("max", st.just({"column": n}), 1, 2)),
)
scalars = st.sampled_from(["甲", 1, 2.5, True, None, "1"])


@st.composite
def replacements(draw: st.DrawFn) -> dict[str, Any]:
    match = draw(st.sampled_from(["exact", "substring", "regex"]))
    if match == "exact":
        own = draw(name)
        olds = draw(
            st.lists(
                st.sampled_from([*map(str, POOLS[own]), *RAWS]), min_size=1, max_size=3, unique_by=_plain
            )
        )
        news = st.one_of(st.none(), stored(own))
        pairs = [{"from": old, "to": draw(news)} for old in olds]
        return {"columns": [own], "mapping": pairs, "match": match}
    froms = (
        ["京", "-", "a1", "1", " ", "B"] if match == "substring" else ["[a-z]+", "市$", r"\d", " +", "^北"]
    )
    tos = st.sampled_from([None, "", "X", "$1", "\\1"])
    pairs = [
        {"from": old, "to": draw(tos)}
        for old in draw(st.lists(st.sampled_from(froms), min_size=1, max_size=2))
    ]
    return {
        "columns": draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2, unique=True)),
        "mapping": pairs,
        "match": match,
    }


def _plain(value: str) -> Any:
    if value in ("是", "True"):
        return True
    try:
        return Decimal(fold_text(value))
    except ArithmeticError:
        return fold_text(value)


@st.composite
def recodes(draw: st.DrawFn) -> dict[str, Any]:
    own = draw(st.sampled_from(["打分", "城市", "年龄", "会员"]))
    olds = {"打分": [1, 2, 5], "城市": ["北京", "BJ", "1"], "年龄": [18, 98, 0], "会员": [True, False]}[own]
    chosen = draw(st.lists(st.sampled_from(olds), min_size=1, unique=True))
    news = draw(st.sampled_from([[1, 5, None], ["高", "低"], [0.5, 1], [True, False]]))
    return {
        "column": own,
        "mapping": [{"from": old, "to": draw(st.sampled_from(news))} for old in chosen],
        "new_name": draw(st.sampled_from(["", "新列"])),
        "otherwise": draw(st.sampled_from(["keep", "missing"])),
    }


def fixed(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


@st.composite
def casts(draw: st.DrawFn) -> dict[str, Any]:
    numeric, temporal = ["integer", "number", "decimal", "boolean"], ["date", "datetime"]
    targets = {"会员": numeric, **dict.fromkeys(NUMBERS, numeric), **dict.fromkeys(DATES, temporal)}
    own = draw(name)
    dtype = draw(st.sampled_from([*targets.get(own, numeric + temporal), "text"]))
    return {"columns": [own], "dtype": dtype, "on_error": draw(st.sampled_from(["keep", "missing", "fail"]))}


@st.composite
def fills(draw: st.DrawFn) -> dict[str, Any]:
    strategy = draw(st.sampled_from(["constant", "mean", "median", "mode", "forward", "backward"]))
    own = draw(st.sampled_from(NUMBERS if strategy in ("mean", "median") else NAMES))
    by = (
        []
        if strategy == "constant"
        else draw(
            st.lists(st.sampled_from([n for n in ("城市", "会员") if n != own]), max_size=2, unique=True)
        )
    )
    return {
        "columns": [own],
        "strategy": strategy,
        "value": draw(stored(own)) if strategy == "constant" else None,
        "by": by,
    }


@st.composite
def splits(draw: st.DrawFn) -> dict[str, Any]:
    how = draw(
        st.sampled_from(
            [
                {"separator": "-"},
                {"separator": ";"},
                {"pattern": "[-; ]+"},
                {"widths": [1]},
                {"widths": [2, 1]},
            ]
        )
    )
    into = (
        ["甲", "乙"]
        if "widths" not in how
        else ["甲", "乙", "丙"][: len(how["widths"]) + draw(st.integers(0, 1))]
    )
    return {"column": draw(st.sampled_from(TEXTS)), **how, "into": into, "keep_source": draw(st.booleans())}


PARAMS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "select_columns": fixed(columns=some_names),
    "drop_columns": fixed(columns=some_names),
    "rename_columns": st.sampled_from(
        [[("年龄", "打分"), ("打分", "年龄")], [("城市", "年龄段")], [("年龄", "a"), ("身高", "年龄")]]
    ).map(lambda pairs: {"mapping": [{"from": a, "to": b} for a, b in pairs]}),
    "reorder_columns": st.one_of(
        fixed(columns=some_names, position=st.sampled_from(["first", "last"])),
        fixed(
            columns=st.just(["城市", "年龄"]),
            position=st.sampled_from(["before", "after"]),
            anchor=st.just("身高"),
        ),
    ),
    "derive_column": fixed(new_name=st.just("新列"), expression=expressions),
    "conditional_column": fixed(
        new_name=st.just("新列"),
        cases=st.lists(
            fixed(where=conditions, value=scalars.filter(lambda v: v is not None)), min_size=1, max_size=3
        ),
        otherwise=scalars,
    ),
    "split_column": splits(),
    "merge_columns": fixed(
        columns=some_names,
        separator=st.sampled_from(["", "-"]),
        new_name=st.just("新列"),
        skip_missing=st.booleans(),
        keep_source=st.booleans(),
    ),
    "cast_type": casts(),
    "filter_rows": fixed(
        where=conditions,
        mode=st.sampled_from(["keep", "drop"]),
        unknown=st.sampled_from(["default", "include", "exclude"]),
    ),
    "sort_rows": fixed(
        keys=st.lists(
            fixed(column=name, descending=st.booleans()),
            min_size=1,
            max_size=3,
            unique_by=lambda k: k["column"],
        )
    ),
    "drop_duplicates": fixed(
        columns=st.lists(st.sampled_from(["编号", "城市", "年龄"]), max_size=2, unique=True),
        keep=st.sampled_from(["identical", "first", "last", "none", "complete"]),
        ignore=st.lists(
            st.sampled_from(["身高", "金额", "时间", "生日", "打分", "多选", "会员"]), unique=True
        ),
    ),
    "mark_duplicates": fixed(
        columns=st.lists(st.sampled_from(["编号", "城市", "年龄"]), max_size=2, unique=True),
        new_name=st.just("新列"),
    ),
    "drop_missing": st.one_of(
        fixed(columns=some_names, how=st.sampled_from(["any", "all"])),
        fixed(columns=st.just([]), how=st.sampled_from(["any", "all"]), min_valid=st.integers(1, 10)),
    ),
    "flag_rows": fixed(where=conditions, new_name=st.just("新列"), value=st.sampled_from(["1", "异常"])),
    "normalize_missing": fixed(
        columns=some_names,
        values=st.lists(
            fixed(value=st.sampled_from([98, "98", "abc", "二十", "无", "bj", 2.675]), label=st.just("拒答")),
            min_size=1,
            max_size=3,
        ),
    ),
    "fill_missing": fills(),
    "replace_values": replacements(),
    "merge_values": st.sampled_from(["beijing", "北京市", "ＢＪ"]).map(
        lambda old: {
            "column": "城市",
            "groups": [{"from": [old, "Beijing"], "to": "北京"}, {"from": ["1"], "to": "无"}],
        }
    ),
    "set_value": name.flatmap(
        lambda n: fixed(
            column=st.just(n), where=st.one_of(st.none(), conditions), value=st.one_of(st.none(), stored(n))
        )
    ),
    "recode_values": recodes(),
    "annotate_columns": st.just(
        {
            "changes": [
                {"column": "打分", "label": "总分", "missing_codes": [{"value": 98, "label": "不知道"}]}
            ]
        }
    ),
}
