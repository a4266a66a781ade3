"""Templates: collected from a history, met with another table, filled for it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.plans.test_goldens import CASES, SCHEMA

from retort_core.errors import BadInput
from retort_core.plans import Plan, Step
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans.catalogue import CATALOGUE, parse_step
from retort_plans.library import built_in
from retort_plans.references import columns_of, literals_of, renamed
from retort_plans.simulation import simulate
from retort_plans.templates import Parameter, Template, collect, fill, fit, parameterised


def schema(**columns: DType) -> Schema:
    return Schema(
        columns=tuple(
            Column(id=f"n{at}", name=name, dtype=dtype, kind=Kind.numeric if dtype.numeric else Kind.single)
            for at, (name, dtype) in enumerate(columns.items())
        )
    )


def step(op: str, **params: Any) -> Step:
    return Step(id="x", op=op, params=params)


ADULTS = step("filter_rows", where={"column": "年龄", "op": "ge", "value": 18}, mode="keep")
BAND = step("bin_numeric", column="年龄", bands=[{"low": 18, "high": 60, "label": "成年"}], new_name="段")
BY_BAND = step("sort_rows", keys=[{"column": "段", "descending": False}])


class Watched(Schema):
    """A schema that remembers which of its columns were looked up."""

    def __init__(self, inner: Schema) -> None:
        super().__init__(columns=inner.columns)
        object.__setattr__(self, "seen", set())

    def find(self, name: str) -> Column | None:
        found = super().find(name)
        if found is not None:
            self.seen.add(name)  # type: ignore[attr-defined]
        return found


@pytest.mark.parametrize("case", CASES)
def test_the_columns_a_step_names_are_those_its_operation_looks_up(case: str) -> None:
    """`references` goes by the keys of parameters; a new operation with another key is caught here."""
    op, params = CASES[case]
    named = step(op, **params)
    watched = Watched(SCHEMA)
    parse_step(named).check(watched)
    made = {value for key, value in params.items() if key in ("new_name", "new_names")}
    looked_up = {name for name in watched.seen if name not in made}  # type: ignore[attr-defined]
    known = {name for name in columns_of(named) if SCHEMA.find(name)}
    assert looked_up <= known


@pytest.mark.parametrize("op", CATALOGUE)
def test_every_example_names_its_columns_under_known_keys(op: str) -> None:
    named = step(op, **dict(CATALOGUE[op].example))
    everything = renamed(named, lambda name: f"<{name}>")
    assert columns_of(everything) == tuple(f"<{name}>" for name in columns_of(named))
    paths = [path for path, _ in literals_of(named)]
    assert len(paths) == len(set(paths))


def test_a_stretch_of_history_needs_only_the_columns_it_did_not_make() -> None:
    template = collect(
        "成年人", [Plan(title="a", steps=(ADULTS,)), Plan(title="b", steps=(BAND, BY_BAND))], SCHEMA
    )
    assert [one.id for one in template.steps] == ["s1", "s2", "s3"]
    assert [(column.name, column.used_by) for column in template.columns] == [("年龄", ("s1", "s2"))]


def test_a_column_renamed_on_the_way_is_still_the_same_column() -> None:
    rename = step("rename_columns", mapping=[{"from": "年龄", "to": "岁"}])
    after = step("filter_rows", where={"column": "岁", "op": "ge", "value": 18}, mode="keep")
    template = collect("t", [Plan(title="a", steps=(rename, after))], SCHEMA)
    found = fit(template, schema(Age=DType.integer), {"年龄": "Age"})
    assert found.plan is not None
    first, second = found.plan.steps
    assert first.params["mapping"] == [{"from": "Age", "to": "岁"}]
    assert second.params["where"]["column"] == "岁"  # type: ignore[index,call-overload]


def test_an_empty_stretch_is_no_template() -> None:
    with pytest.raises(BadInput, match="no steps"):
        collect("t", [], SCHEMA)


def test_everything_that_is_missing_is_said_at_once() -> None:
    steps = (ADULTS, step("fill_missing", columns=["城市"], strategy="constant", value="未知"))
    template = collect("t", [Plan(title="a", steps=steps)], SCHEMA)
    found = fit(template, schema(年令=DType.integer, 其他=DType.text))
    assert [(one.code, one.column) for one in found.misfits] == [("missing", "城市"), ("missing", "年龄")]
    assert found.misfits[1].nearest == ("年令",)
    assert found.plan is None


def test_a_type_that_no_step_can_take_is_said_beside_what_is_missing() -> None:
    mean = step(
        "derive_column",
        new_name="和",
        expression={"fn": "add", "args": [{"column": "年龄"}, {"column": "打分"}]},
    )
    template = collect("t", [Plan(title="a", steps=(mean,))], SCHEMA)
    found = fit(template, schema(年龄=DType.text))
    assert {(one.code, one.column) for one in found.misfits} == {("type", "年龄"), ("missing", "打分")}


def test_a_type_that_the_steps_take_all_the_same_is_no_misfit() -> None:
    template = collect("t", [Plan(title="a", steps=(step("standardize_date", columns=["日期"]),))], SCHEMA)
    assert fit(template, schema(日期=DType.text)).ready


def test_two_columns_cannot_become_one() -> None:
    both = step(
        "derive_column",
        new_name="和",
        expression={"fn": "add", "args": [{"column": "年龄"}, {"column": "打分"}]},
    )
    template = collect("t", [Plan(title="a", steps=(both,))], SCHEMA)
    found = fit(template, schema(数=DType.integer), {"年龄": "数", "打分": "数"})
    assert [one.code for one in found.misfits] == ["twice"]


def test_a_name_that_the_steps_would_make_and_the_table_has_is_said_before_anything_runs() -> None:
    template = collect("t", [Plan(title="a", steps=(BAND,))], SCHEMA)
    found = fit(template, schema(年龄=DType.integer, 段=DType.text))
    assert [one.code for one in found.misfits] == ["step"]
    assert "段" in found.misfits[0].message


def test_parameters_are_put_in_where_they_stand_and_their_sort_is_checked() -> None:
    template = collect("t", [Plan(title="a", steps=(ADULTS,))], SCHEMA)
    with_age = parameterised(
        template, [Parameter(name="最小", places=(("s1", ("where", "value")),), default=18)]
    )
    plan = fill(with_age, {}, {"最小": 21})
    assert plan.steps[0].params["where"]["value"] == 21  # type: ignore[index,call-overload]
    assert with_age.steps[0].params["where"]["value"] == 18  # type: ignore[index,call-overload]
    found = fit(with_age, SCHEMA, {}, {"最小": "x", "最大": 3})
    assert [one.code for one in found.misfits] == ["parameter", "parameter"]


@pytest.mark.parametrize(
    "place", [("s1", ("where", "column")), ("s1", ("nowhere",)), ("s9", ("where", "value"))]
)
def test_a_parameter_stands_only_where_a_literal_stands(place: Any) -> None:
    template = collect("t", [Plan(title="a", steps=(ADULTS,))], SCHEMA)
    with pytest.raises(BadInput):
        parameterised(template, [Parameter(name="p", places=(place,), default=18)])


def test_names_are_matched_without_case_and_width_and_by_label() -> None:
    template = collect("t", [Plan(title="a", steps=(ADULTS,))], SCHEMA)
    wide = Schema(columns=(Column(id="a", name=" 年龄 ", dtype=DType.integer, kind=Kind.numeric),))
    assert fit(template, wide).mapping == {"年龄": " 年龄 "}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_built_in_template_runs_on_the_columns_it_names(lang: Any) -> None:
    assert len(built_in(lang)) == 4
    for template in built_in(lang).values():
        own = Schema(
            columns=tuple(
                Column(id=f"c{at}", name=one.name, dtype=one.dtype, kind=one.kind)
                for at, one in enumerate(template.columns)
            )
        )
        found = fit(template, own)
        assert found.ready, found.misfits
        assert found.plan is not None
        assert simulate(found.plan, own).yields == "version"
        again = Template.model_validate_json(template.model_dump_json())
        assert again == template
        assert parameterised(template, template.parameters) == template
