"""Every emitted script does what the row-by-row reference says: cells, marks, order, row ids and physical types."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.cells import ROW_ID, companion
from retort_core.errors import DataError, StepError
from retort_core.plans import Plan, Step
from retort_core.schema import Column, DType, Kind, Scale, Schema, ValueLabel
from retort_plans.catalogue import parse_step
from retort_plans.reference import MISSING, Cell, Invalid, Row, Valid, fold_text
from retort_plans.scripts import build_script
from retort_plans.simulation import simulate


def column(name: str, dtype: DType, kind: Kind, **more: Any) -> Column:
    return Column(id=f"c_{name}", name=name, dtype=dtype, kind=kind, **more)


SCHEMA = Schema(
    columns=(
        column("编号", DType.text, Kind.id),
        column("年龄", DType.integer, Kind.numeric),
        column(
            "打分",
            DType.integer,
            Kind.scale,
            scale=Scale(min=1, max=5),
            value_labels=(ValueLabel(value="5", label="满意"),),
        ),
        column("身高", DType.number, Kind.numeric),
        column("金额", DType.decimal, Kind.numeric, digits=2),
        column("会员", DType.boolean, Kind.single),
        column("生日", DType.date, Kind.date),
        column("时间", DType.datetime, Kind.date),
        column("城市", DType.text, Kind.single),
        column("多选", DType.text, Kind.multi, separator=";"),
    )
)
POOLS: dict[str, Sequence[Any]] = {
    "编号": ["a1", "a1 ", "ａ1", "b2", "c3"],
    "年龄": [-5, 0, 1, 18, 30, 98, 199],
    "打分": [1, 2, 3, 4, 5, 98],
    "身高": [-1.5, 0.5, 1.75, 2.675, 3.0, 1000.125],
    "金额": [Decimal("-0.05"), Decimal("1.00"), Decimal("2.50"), Decimal("19.99")],
    "会员": [True, False],
    "生日": [date(2023, 12, 31), date(2024, 1, 1), date(2024, 1, 31), date(2024, 2, 1)],
    "时间": [datetime(2024, 1, 1), datetime(2024, 1, 31, 23, 59, 59, 999999), datetime(2024, 2, 1, 8, 5)],  # noqa: DTZ001
    "城市": [
        "北京",
        "北京 ",
        "北京市",
        "beijing",
        "Beijing",
        "ＢＪ",
        "BJ",
        "1",
        "a-b-c",
        "无",
        "2,3",
        "x  y",
        "$1",
    ],
    "多选": ["1", "1;2", "10;2;", " 1 ; 3", "；", "2；10", "98"],
}
RAWS = ["abc", "二十", "12.5", "1,234", "98", "ＡＢＣ", "2024/1/5", "是"]
POLARS: dict[DType, Callable[[Column], Any]] = {
    DType.text: lambda _: pl.String,
    DType.integer: lambda _: pl.Int64,
    DType.number: lambda _: pl.Float64,
    DType.decimal: lambda c: pl.Decimal(38, c.digits),
    DType.boolean: lambda _: pl.Boolean,
    DType.date: lambda _: pl.Date,
    DType.datetime: lambda _: pl.Datetime("us"),
}


@st.composite
def tables(draw: st.DrawFn, schema: Schema = SCHEMA, *, invalid: Iterable[str] = ()) -> list[Row]:
    """Rows of a table; cells are invalid only in the columns named."""
    marks, count = frozenset(invalid), draw(st.integers(0, 7))
    rows = []
    for number in range(count):
        cells: dict[str, Cell] = {}
        for it in schema.columns:
            kinds: list[st.SearchStrategy[Cell]] = [
                st.sampled_from(POOLS[it.name]).map(Valid),
                st.just(MISSING),
            ]
            if it.name in marks:
                kinds.append(st.sampled_from(RAWS).map(Invalid))
            cells[it.name] = draw(st.one_of(*kinds))
        rows.append(Row(id=10 + number * 7, cells=cells))
    return rows


def frame(rows: Sequence[Row], schema: Schema, invalid: Iterable[str], *, row_ids: bool) -> pl.DataFrame:
    data: dict[str, pl.Series] = {}
    if row_ids:
        data[ROW_ID] = pl.Series(ROW_ID, [row.id for row in rows], dtype=pl.Int64)
    for it in schema.columns:
        data[it.name] = pl.Series(it.name, [row.value(it.name) for row in rows], dtype=POLARS[it.dtype](it))
    for name in invalid:
        raws = [cell.raw if isinstance(cell := row[name], Invalid) else None for row in rows]
        data[companion(name)] = pl.Series(companion(name), raws, dtype=pl.String)
    return pl.DataFrame(data)


def rows_of(table: pl.DataFrame, schema: Schema, ids: Sequence[int] | None = None) -> list[Row]:
    found = []
    for number, record in enumerate(table.iter_rows(named=True)):
        cells: dict[str, Cell] = {}
        for name in schema.names:
            raw = record.get(companion(name))
            value = record[name]
            cells[name] = Valid(value) if value is not None else MISSING if raw is None else Invalid(raw)
            assert value is None or raw is None, f"{name} is valid and has raw text"
        found.append(Row(id=ids[number] if ids else record[ROW_ID], cells=cells))
    return found


def execute(source: str, table: pl.DataFrame) -> Any:
    space: dict[str, Any] = {"__name__": "retort_script"}
    exec(compile(source, "script", "exec"), space)
    made = space["run"](table)
    return made.collect() if isinstance(made, pl.LazyFrame) else made


def close(a: Cell, b: Cell) -> bool:
    if isinstance(a, Valid) and isinstance(b, Valid) and isinstance(a.value, float):
        return math.isclose(a.value, float(b.value), rel_tol=1e-12, abs_tol=1e-12)  # type: ignore[arg-type]
    return a == b and (not isinstance(a, Valid) or type(a.value) is type(b.value))  # type: ignore[union-attr]


def meet(
    op: str, params: dict[str, Any], rows: list[Row], invalid: Iterable[str] = (), schema: Schema = SCHEMA
) -> None:
    """The script of one step gives what its reference gives: cells, marks, order, ids and physical types."""
    step = Step(id="s1", op=op, params=params)
    plan = Plan(title="t", steps=(step,))
    after = simulate(plan, schema).final
    operation = parse_step(step)
    try:
        expected = list(operation.reference(rows, schema))
    except DataError:
        expected = None
    marks = frozenset(invalid)
    for row_ids in (True, False):
        if not row_ids and marks:
            continue
        source = build_script(plan, schema, marks, row_ids=row_ids).source
        table = frame(rows, schema, marks, row_ids=row_ids)
        if expected is None:
            with pytest.raises(ValueError, match=op):
                execute(source, table)
            continue
        made = execute(source, table)
        ids = None if row_ids else [row.id for row in expected]
        assert made.height == len(expected), source
        found = rows_of(made, after, ids)
        _same(found, expected, after, source, marks=row_ids)
        for it in after.columns:
            assert made.schema[it.name] == POLARS[it.dtype](it), (it.name, source)


def _same(found: list[Row], expected: list[Row], schema: Schema, source: str, *, marks: bool) -> None:
    assert [row.id for row in found] == [row.id for row in expected], source
    for left, right in zip(found, expected, strict=True):
        assert set(right.cells) == set(schema.names), "the reference keeps exactly the columns of the schema"
        for name in schema.names:
            want = right[name] if marks or not isinstance(right[name], Invalid) else MISSING
            assert close(left[name], want), f"row {left.id} {name}: {left[name]} is not {want}\n{source}"


# -- parameters of each operation ---------------------------------------------------------------------------
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
MARKED = ("年龄", "身高", "打分")


@pytest.mark.parametrize("op", PARAMS)
def test_script_and_reference_agree(op: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(params=PARAMS[op], rows=tables())
    def without_invalid_cells(params: dict[str, Any], rows: list[Row]) -> None:
        meet(op, params, rows)

    @settings(max_examples=40, deadline=None)
    @given(params=PARAMS[op], rows=tables(invalid=MARKED))
    def with_invalid_cells(params: dict[str, Any], rows: list[Row]) -> None:
        meet(op, params, rows, MARKED)

    without_invalid_cells()
    with_invalid_cells()


@settings(max_examples=80, deadline=None)
@given(data=st.data(), rows=tables(invalid=MARKED))
def test_steps_in_a_row_agree_and_marks_travel_with_their_columns(
    data: st.DataObject, rows: list[Row]
) -> None:
    """Several steps run as one lazy query; invalid cells are followed through renames, casts and replacements."""
    steps: list[Step] = []
    for number in range(data.draw(st.integers(2, 4))):
        op = data.draw(st.sampled_from(sorted(PARAMS)))
        steps.append(Step(id=f"s{number}", op=op, params=data.draw(PARAMS[op])))
    plan = Plan(title="t", steps=tuple(steps))
    try:
        simulation = simulate(plan, SCHEMA)
        expected = list(rows)
        for operation, schema in zip(simulation.operations, simulation.schemas, strict=False):
            expected = list(operation.reference(expected, schema))
    except (StepError, DataError):
        return
    source = build_script(plan, SCHEMA, MARKED).source
    made = execute(source, frame(rows, SCHEMA, MARKED, row_ids=True))
    final = simulation.final
    _same(rows_of(made, final), expected, final, source, marks=True)
    hidden = {companion(name) for name in final.names} | {ROW_ID}
    assert set(made.columns) - hidden == set(final.names), "no companion is left behind"
    assert {it.name: made.schema[it.name] for it in final.columns} == {
        it.name: POLARS[it.dtype](it) for it in final.columns
    }
