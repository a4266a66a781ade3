"""Scripts know the spellings of their dataset; the stored plan stays as it was said."""

from __future__ import annotations

from retort_core.plans import Plan, Step
from retort_core.profiles import ColumnProfile, Profile, ValueCount
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans.grounding import ground

SCHEMA = Schema(columns=(Column(id="c1", name="城市", dtype=DType.text, kind=Kind.single),))
VALUES = tuple(ValueCount(value=v, count=1) for v in ("北京市朝阳区", "朝阳区", "上海市"))
PROFILE = Profile(
    rows=3,
    columns=(ColumnProfile(column="c1", rows=3, valid=3, missing=0, invalid=0, distinct=3, values=VALUES),),
)
REGION = Step(id="s2", op="standardize_region", params={"columns": ["城市"]})


def test_addresses_of_the_dataset_are_spelt_out_and_ambiguous_ones_are_not() -> None:
    grounded = ground(Plan(title="t", steps=(REGION,)), SCHEMA, PROFILE)
    assert grounded.steps[0].params["mapping"] == [
        {"from": "北京市朝阳区", "to": "北京"},
        {"from": "上海市", "to": "上海"},
    ]


def test_values_that_an_earlier_step_changes_are_not_taken_from_the_profile() -> None:
    first = Step(
        id="s1",
        op="replace_values",
        params={"columns": ["城市"], "mapping": [{"from": "上海市", "to": "广州市"}]},
    )
    plan = Plan(title="t", steps=(first, REGION))
    assert ground(plan, SCHEMA, PROFILE) == plan


def test_without_a_profile_the_plan_stays() -> None:
    plan = Plan(title="t", steps=(REGION,))
    assert ground(plan, SCHEMA, None) == plan
