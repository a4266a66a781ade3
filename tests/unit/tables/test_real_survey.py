"""Detection on real answers, where the file is at hand, and on a small table made like it, everywhere."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from retort_core.schema import DType, Kind, Schema
from retort_tables.detection import Typed, detect
from retort_tables.profiling import profile

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "example-a.csv"


def like_the_real_one() -> pl.DataFrame:
    rows = range(200)
    return pl.DataFrame(
        {
            "record_number": [str(n + 1) for n in rows],
            "age": [str(19 + n % 31) for n in rows],
            "gender": [str(1 + n % 2) for n in rows],
            "religion": ["" if n % 3 else f"{n % 16 + 1}.0" for n in rows],
            "q2": [["1;2;3;", "3;6;", "", "1;", "2;6;"][n % 5] for n in rows],
            **{
                f"q5_{i}": [["1", "2", "3", "4", "5", "97", "98", "98"][(n + i) % 8] for n in rows]
                for i in range(1, 7)
            },
            "weight": [None] * 200,
            "weight_a": [f"{0.5 + (n * 37 % 200) / 199 + 1e-6:.9f}" for n in rows],
            "start_time": [f"2015-02-{1 + n % 28:02} 17:10:{n % 60:02}.000" for n in rows],
            "duration": [f"0 days 00:0{n % 9}:10.{n % 10}00000000" for n in rows],
        },
        schema_overrides={"weight": pl.String},
    )


def tables() -> list[object]:
    real = pytest.param(
        REAL,
        id="real",
        marks=pytest.mark.skipif(
            not REAL.exists(), reason=f"real answers are not at hand: {REAL.name} is not committed"
        ),
    )
    return [pytest.param(None, id="alike"), real]


@pytest.fixture(params=tables())
def found(request: pytest.FixtureRequest) -> Typed:
    table = like_the_real_one() if request.param is None else pl.read_csv(request.param, infer_schema=False)
    return detect(table)


@pytest.fixture
def schema(found: Typed) -> Schema:
    return found.schema


def test_kinds(schema: Schema) -> None:
    kinds = {
        name: schema[name].kind for name in ("record_number", "age", "gender", "religion", "q2", "start_time")
    }
    assert kinds == {
        "record_number": Kind.id,
        "age": Kind.numeric,
        "gender": Kind.single,
        "religion": Kind.single,
        "q2": Kind.multi,
        "start_time": Kind.date,
    }
    assert schema["q2"].separator == ";"
    assert schema["religion"].dtype is DType.integer


def test_a_grid_is_one_scale_with_two_codes_proposed(found: Typed) -> None:
    made = profile(found.table, found.marks, found.schema, found.readings)
    for at in range(1, 7):
        column = found.schema[f"q5_{at}"]
        assert (column.kind, column.group) == (Kind.scale, "q5")
        assert column.scale is not None
        assert (column.scale.min, column.scale.max) == (1, 5)
        own = made.find(column.id)
        assert own is not None
        assert {code.value for code in own.proposed_codes} == {"97", "98"}


def test_weights_times_and_durations(schema: Schema) -> None:
    assert (schema["weight_a"].kind, schema["weight_a"].dtype) == (Kind.weight, DType.number)
    assert schema["weight"].dtype is DType.text  # empty
    assert schema["start_time"].dtype is DType.datetime
    assert (schema["duration"].kind, schema["duration"].dtype) == (Kind.duration, DType.duration)


@pytest.mark.skipif(not REAL.exists(), reason=f"real answers are not at hand: {REAL.name} is not committed")
def test_the_mean_that_undeclared_codes_spoil() -> None:
    found = detect(pl.read_csv(REAL, infer_schema=False))
    own = profile(found.table, found.marks, found.schema, found.readings).find(found.schema["q5_1"].id)
    assert own is not None
    assert own.numbers is not None
    assert round(own.numbers.mean, 2) == 26.41
    codes = {int(code.value) for code in own.proposed_codes}
    answers = found.table["q5_1"].filter(~found.table["q5_1"].is_in(list(codes)))
    assert round(answers.mean(), 2) == 3.58
