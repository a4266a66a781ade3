"""Read-only answers against plain Python written from the definitions, with and without weight."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.errors import StepError
from retort_core.plans import Lang, Plan, Step
from retort_core.schema import Column, DType, Kind, Scale, Schema, ValueLabel
from retort_plans.scripts import build_script
from retort_plans.simulation import simulate

EXAMPLE_A = Path(__file__).resolve().parents[4] / "shared" / "data" / "example-a.csv"


def column(name: str, dtype: DType, kind: Kind, **more: Any) -> Column:
    return Column(id=f"c_{name}", name=name, dtype=dtype, kind=kind, **more)


SCHEMA = Schema(
    columns=(
        column("城市", DType.text, Kind.single),
        column("打分", DType.integer, Kind.scale, scale=Scale(min=0, max=10)),
        column("排名", DType.integer, Kind.scale, scale=Scale(min=1, max=5, direction="descending")),
        column("权重", DType.number, Kind.weight),
        column(
            "渠道", DType.text, Kind.multi, separator=";", value_labels=(ValueLabel(value="1", label="线上"),)
        ),
    )
)
TYPES = {"城市": pl.String, "打分": pl.Int64, "排名": pl.Int64, "权重": pl.Float64, "渠道": pl.String}
Record = dict[str, Any]

records = st.lists(
    st.fixed_dictionaries(
        {
            "城市": st.sampled_from(["北京", "上海", None]),
            "打分": st.one_of(st.none(), st.integers(-1, 12)),
            "排名": st.one_of(st.none(), st.integers(1, 5)),
            "权重": st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0, 2.25])),
            "渠道": st.sampled_from([None, "", "1;", "1;10;", "10;2", "2;2;1"]),
        }
    ),
    max_size=12,
)


def ask(
    rows: list[Record], op: str, params: dict[str, Any], lang: Lang = "zh", schema: Schema = SCHEMA
) -> dict[str, pl.DataFrame]:
    plan = Plan(title="t", steps=(Step(id="s1", op=op, params=params),))
    script = build_script(plan, schema, lang=lang, row_ids=False)
    assert script.yields == "answer"
    space: dict[str, Any] = {"__name__": "retort_script"}
    exec(compile(script.source, "script", "exec"), space)
    types = {c.name: TYPES.get(c.name, pl.String) for c in schema.columns}
    return space["run"](pl.DataFrame(rows, schema=types) if rows else pl.DataFrame(schema=types))


def figure(rows: list[Record], column_name: str, fn: str, weight: str = "") -> Any:
    table = ask(
        rows,
        "group_aggregate",
        {"by": [], "aggregations": [{"column": column_name, "fn": fn, "as": "x"}], "weight": weight},
    )["table"]
    return table["x"][0]


def weighed(rows: list[Record], weight: str) -> list[tuple[Record, float]]:
    return [(row, row[weight] if weight else 1.0) for row in rows if not weight or row[weight] is not None]


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def same(found: Any, expected: Any) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)


@given(records, st.sampled_from(["", "权重"]))
@settings(max_examples=60, deadline=None)
def test_mean_nps_and_top2box_are_their_definitions(rows: list[Record], weight: str) -> None:
    counted = weighed(rows, weight)
    valid = [(row["打分"], w) for row, w in counted if row["打分"] is not None]
    assert same(
        figure(rows, "打分", "mean", weight), ratio(sum(x * w for x, w in valid), sum(w for _, w in valid))
    )
    scale = [(x, w) for x, w in valid if 0 <= x <= 10]
    base = sum(w for _, w in scale)
    promoters, detractors = sum(w for x, w in scale if x >= 9), sum(w for x, w in scale if x <= 6)
    assert same(figure(rows, "打分", "nps", weight), ratio(100 * (promoters - detractors), base))
    ranks = [(row["排名"], w) for row, w in counted if row["排名"] is not None]
    best = sum(w for x, w in ranks if x <= 2)
    assert same(figure(rows, "排名", "top2box", weight), ratio(best, sum(w for _, w in ranks)))


@given(records)
@settings(max_examples=40, deadline=None)
def test_spread_and_quantiles_are_type_7_and_n_minus_1(rows: list[Record]) -> None:
    values = sorted(float(row["打分"]) for row in rows if row["打分"] is not None)
    mean = sum(values) / len(values) if values else 0.0
    sd = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else None
    assert same(figure(rows, "打分", "sd"), sd)
    at = (len(values) - 1) / 2
    median = (values[math.floor(at)] + values[math.ceil(at)]) / 2 if values else None
    assert same(figure(rows, "打分", "median"), median)


def test_weighted_sd_takes_weights_as_frequencies() -> None:
    rows = [{"打分": 2, "权重": 2.0}, {"打分": 5, "权重": 1.0}]
    spelt = [{"打分": 2, "权重": 1.0}, {"打分": 2, "权重": 1.0}, {"打分": 5, "权重": 1.0}]
    assert same(figure(rows, "打分", "sd", "权重"), figure(spelt, "打分", "sd"))
    assert figure(rows, "打分", "median", "权重") == 2.0


@given(records, st.sampled_from(["", "权重"]))
@settings(max_examples=60, deadline=None)
def test_each_code_counts_once_per_respondent_who_gave_any(rows: list[Record], weight: str) -> None:
    found = ask(rows, "value_counts", {"column": "渠道", "weight": weight})
    people = [({c for c in (row["渠道"] or "").split(";") if c}, w) for row, w in weighed(rows, weight)]
    answered = [(codes, w) for codes, w in people if codes]
    base = sum(w for _, w in answered)
    expected = {}
    for code in {c for codes, _ in answered for c in codes}:
        given_by = [w for codes, w in answered if code in codes]
        expected[code] = (len(given_by), ratio(sum(given_by), base))
    table = found["table"]
    got = {value: (n, share) for value, n, share in table.select("值", "人数", "占比").iter_rows()}
    assert set(got) == set(expected)
    assert all(got[c][0] == expected[c][0] and same(got[c][1], expected[c][1]) for c in expected)
    assert table["值"].to_list() == sorted(expected, key=int)
    assert found["bases"]["基数"][0] == len(answered)
    assert found["bases"]["无权重"][0] == len(rows) - len(people)


def test_labels_stand_beside_the_codes_they_belong_to() -> None:
    table = ask([{"渠道": "1;10;"}, {"渠道": "2"}], "value_counts", {"column": "渠道"})["table"]
    assert dict(zip(table["值"], table["标签"], strict=True)) == {"1": "线上", "2": None, "10": None}


def test_an_answer_out_of_range_is_never_a_detractor_and_is_counted() -> None:
    rows = [{"打分": s} for s in (10, 9, 7, 0, -1, 98, None)]
    found = ask(rows, "nps", {"column": "打分", "by": []})
    assert found["table"]["NPS"][0] == pytest.approx(25.0)
    assert found["table"]["基数"][0] == 4
    assert (found["bases"]["范围外"][0], found["bases"]["缺失"][0]) == (2, 1)


@given(records, st.sampled_from(["", "权重"]))
@settings(max_examples=40, deadline=None)
def test_column_percentages_are_of_valid_answers_in_the_column(rows: list[Record], weight: str) -> None:
    found = ask(rows, "crosstab", {"rows": ["排名"], "banner": ["城市"], "weight": weight})
    counted = weighed(rows, weight)
    for head, city in (("总计", ...), ("城市: 北京", "北京"), ("城市: 上海", "上海")):
        mine = [(r, w) for r, w in counted if city is ... or r["城市"] == city]
        valid = [(r["排名"], w) for r, w in mine if r["排名"] is not None]
        if head not in found["table"].columns:
            assert not mine
            continue
        for value, share in found["table"].select("值", head).iter_rows():
            if value == "均值":
                expected = ratio(sum(x * w for x, w in valid), sum(w for _, w in valid))
            elif value == "前两项占比":
                expected = ratio(sum(w for x, w in valid if x <= 2), sum(w for _, w in valid))
            else:
                expected = ratio(sum(w for x, w in valid if str(x) == value), sum(w for _, w in valid))
            assert same(share, expected), (head, value)
        bases = dict(found["bases"].select("值", head).iter_rows())
        assert bases["基数"] == len(valid)
        assert bases["缺失"] == len(mine) - len(valid)


def test_a_value_nobody_gave_in_a_column_is_zero_percent_not_missing() -> None:
    rows = [{"城市": "北京", "排名": 1}, {"城市": "上海", "排名": 2}]
    table = ask(rows, "crosstab", {"rows": ["排名"], "banner": ["城市"]})["table"]
    assert table.filter(pl.col("值") == "2")["城市: 北京"].to_list() == [0.0]


def test_groups_come_in_order_and_rows_without_a_group_are_counted() -> None:
    rows = [{"城市": c, "打分": s} for c, s in (("上海", 4), ("北京", 8), (None, 5), ("上海", None))]
    found = ask(rows, "group_aggregate", {"by": ["城市"], "aggregations": [{"column": "打分", "fn": "mean"}]})
    assert found["table"].rows() == [("上海", 4.0, 1), ("北京", 8.0, 1)]
    assert found["bases"]["无分组"][0] == 1


def test_headings_follow_the_language_and_make_way_for_columns() -> None:
    schema = Schema(columns=(column("mean", DType.text, Kind.single), *SCHEMA.columns))
    params = {"by": ["mean"], "aggregations": [{"column": "打分", "fn": "mean"}]}
    table = ask([{"mean": "a", "打分": 3}], "group_aggregate", params, "en", schema)["table"]
    assert table.columns == ["mean", "mean_2", "base"]


@pytest.mark.parametrize(
    ("op", "params", "message"),
    [
        ("group_aggregate", {"by": [], "aggregations": [{"column": "城市", "fn": "mean"}]}, "needs numbers"),
        (
            "group_aggregate",
            {"by": [], "aggregations": [{"column": "权重", "fn": "top2box"}]},
            "needs a scale",
        ),
        ("nps", {"column": "城市"}, "needs numbers"),
        ("crosstab", {"rows": ["打分"], "banner": ["渠道"]}, "not a banner"),
        ("value_counts", {"column": "城市", "weight": "城市"}, "must be numeric"),
        ("describe", {"columns": ["无此列"]}, "there is no column"),
    ],
)
def test_an_answer_that_makes_no_sense_says_why(op: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(StepError, match=message):
        simulate(Plan(title="t", steps=(Step(id="s", op=op, params=params),)), SCHEMA)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        figure([{"打分": 1, "权重": -1.0}], "打分", "mean", "权重")


@pytest.mark.skipif(
    not EXAMPLE_A.exists(), reason="the real survey lies beside the checkout; synthetic twins run above"
)
def test_the_real_survey_gives_the_independent_figures() -> None:
    with EXAMPLE_A.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    schema = Schema(
        columns=(
            column("q5_1", DType.integer, Kind.scale),
            column("q3", DType.text, Kind.multi, separator=";"),
            column("weight_a", DType.number, Kind.weight),
        )
    )
    TYPES.update({"q5_1": pl.Int64, "weight_a": pl.Float64})
    rows = [
        {"q5_1": int(line["q5_1"]) if line["q5_1"] else None, "q3": line["q3"] or None,
         "weight_a": float(line["weight_a"]) if line["weight_a"] else None}
        for line in lines
    ]  # fmt: skip
    mean = {"by": [], "aggregations": [{"column": "q5_1", "fn": "mean"}]}
    assert ask(rows, "group_aggregate", mean, schema=schema)["table"]["均值"][0] == pytest.approx(
        26.41, abs=0.005
    )
    valid = [{**row, "q5_1": None if row["q5_1"] in (97, 98) else row["q5_1"]} for row in rows]
    assert ask(valid, "group_aggregate", mean, schema=schema)["table"]["均值"][0] == pytest.approx(
        3.58, abs=0.005
    )
    expected: dict[str, float] = {}
    base = 0.0
    for row in rows:
        codes = {code for code in (row["q3"] or "").split(";") if code}
        if codes and row["weight_a"] is not None:
            base += row["weight_a"]
            for code in codes:
                expected[code] = expected.get(code, 0.0) + row["weight_a"]
    table = ask(rows, "value_counts", {"column": "q3", "weight": "weight_a"}, schema=schema)["table"]
    got = dict(table.select("值", "占比").iter_rows())
    assert set(got) == set(expected)
    assert all(math.isclose(got[c], expected[c] / base, rel_tol=1e-12) for c in expected)


@pytest.mark.parametrize(
    ("made", "counted"),
    [
        (column("q", DType.integer, Kind.scale, scale=Scale(min=0, max=10)), True),
        (column("q", DType.integer, Kind.scale, scale=Scale(min=1, max=10)), True),
        (column("q", DType.integer, Kind.numeric), True),
        (
            column("q", DType.integer, Kind.single, value_labels=(ValueLabel(value="10", label="一定会"),)),
            True,
        ),
        (column("q", DType.integer, Kind.scale, scale=Scale(min=1, max=5)), False),
        (column("q", DType.integer, Kind.scale, scale=Scale(min=0, max=100)), False),
        (column("q", DType.integer, Kind.single), False),
        (column("q", DType.number, Kind.weight), False),
    ],
    ids=["0-10", "nobody said 0", "a number", "labelled choices", "1-5", "percent", "gender", "weight"],
)
def test_nps_of_another_scale_is_refused_instead_of_counting_everybody_as_a_detractor(
    made: Column, counted: bool
) -> None:
    schema = Schema(columns=(made,))
    for op, params in (
        ("nps", {"column": "q"}),
        ("group_aggregate", {"aggregations": [{"column": "q", "fn": "nps"}]}),
    ):
        plan = Plan(title="t", steps=(Step(id="s1", op=op, params=params),))
        if counted:
            simulate(plan, schema)
        else:
            with pytest.raises(StepError, match="NPS is of answers on 0 to 10"):
                simulate(plan, schema)
