"""Ids are for ever: fixed facts give fixed bytes, and different facts never the same ones."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from retort_core.identity import (
    CommitFacts,
    Content,
    commit_id,
    digest,
    encode,
    microseconds,
    plan_digest,
    root_id,
    schema_json,
    script_digest,
    short,
)
from retort_core.schema import Column, DType, Kind, MissingCode, Schema, ValueLabel

FACTS = CommitFacts(
    dataset="d1",
    root="r" * 64,
    parents=("p" * 64,),
    author="ann",
    planner="rules",
    message="删除备注列",
    kind="plan",
    created_at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
)
SCHEMA = Schema(
    columns=(
        Column(id="c1", name="年龄", dtype=DType.integer, kind=Kind.numeric, label="您的年龄"),
        Column(
            id="c2",
            name="q5",
            dtype=DType.integer,
            kind=Kind.scale,
            value_labels=(ValueLabel(value="1", label="很不满意"),),
            missing_codes=(MissingCode(value="97", label="refused"),),
        ),
    )
)
CONTENT = Content(
    rows=2,
    next_row_id=70_000,
    order="0" * 64,
    ids={0: "1" * 64, 1: "2" * 64},
    columns={"c1": {0: "3" * 64, 1: "4" * 64}, "c2": {0: "5" * 64, 1: "6" * 64}},
    marks={"c1": {1: "7" * 64}},
)


def test_fields_are_tagged_and_prefixed_with_their_length() -> None:
    assert encode("ab").hex() == "73" + "0000000000000002" + "6162"
    assert encode(-12).hex() == "69" + "0000000000000003" + "2d3132"
    assert encode(None).hex() == "6e" + "0000000000000000"
    assert encode(["ab", 1]).hex() == "6c" + "0000000000000015" + encode("ab").hex() + encode(1).hex()
    assert encode({"b": 1, "a": 2}) == encode({"a": 2, "b": 1})


def test_golden_digests_of_every_kind_of_id() -> None:
    assert digest("test:v1") == hashlib.sha256(bytes.fromhex("730000000000000007") + b"test:v1").hexdigest()
    assert commit_id(FACTS) == "40086f74930c85bb9f008284320a0dd69e8871a3bcd97def1c7b04100d828ae2"
    assert root_id(SCHEMA, CONTENT) == "39d61a3528230fa792b501aa04c79eb48642191c4e6c7637cd507af098637c6f"
    assert (
        plan_digest({"title": "去重", "steps": []})
        == "baf925a505d27b876b1156a90159830d0b71ea910c0a532deb0a03ee2c77f61c"
    )
    assert (
        script_digest("def run(table):\n    return table\n")
        == "2a83df110c72af9e994a32d636b2b3ebf0727a04fa870fdc026a2dd3b674fb23"
    )


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (["ab", "c"], ["a", "bc"]),
        ([1], ["1"]),
        ([True], [1]),
        ([None], [""]),
        ([b"a"], ["a"]),
        ([["a"], "b"], [["a", "b"]]),
        ([[]], []),
        ([{"a": "b"}], [["a", "b"]]),
        ([datetime(1970, 1, 1, tzinfo=UTC)], [0]),
    ],
)
def test_different_fields_never_share_bytes(left: list[object], right: list[object]) -> None:
    assert digest("x", *left) != digest("x", *right)
    assert digest("x", *left) != digest("y", *left)


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "d2"},
        {"root": "s" * 64},
        {"parents": ()},
        {"parents": ("p" * 64, "q" * 64)},
        {"author": "bob"},
        {"planner": "model-x"},
        {"message": "删除备注列 "},
        {"kind": "script"},
        {"script": "s"},
        {"plan": "s"},
        {"runner": "polars 2"},
        {"created_at": datetime(2026, 1, 2, 3, 4, 5, 7, tzinfo=UTC)},
    ],
    ids=str,
)
def test_every_fact_changes_the_commit_id(change: dict[str, object]) -> None:
    changed = CommitFacts(**{**vars(FACTS), **change})  # type: ignore[arg-type]
    assert commit_id(changed) != commit_id(FACTS)


def test_the_order_of_parents_matters() -> None:
    one = CommitFacts(**{**vars(FACTS), "parents": ("a", "b")})
    other = CommitFacts(**{**vars(FACTS), "parents": ("b", "a")})
    assert commit_id(one) != commit_id(other)


def test_time_is_utc_microseconds_whatever_the_zone_it_is_written_in() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert microseconds(datetime(2026, 1, 2, 11, 4, 5, 6, tzinfo=shanghai)) == microseconds(FACTS.created_at)
    assert microseconds(FACTS.created_at) == 1_767_323_045_000_006
    with pytest.raises(ValueError, match="time zone"):
        microseconds(datetime(2026, 1, 2))  # noqa: DTZ001 - the point of the test


def test_everything_a_schema_says_is_part_of_the_root() -> None:
    root = root_id(SCHEMA, CONTENT)
    q5 = SCHEMA["q5"]
    for changed in (
        q5.with_(name="q6"),
        q5.with_(label="x"),
        q5.with_(kind=Kind.single),
        q5.with_(group="Q"),
        q5.with_(missing_codes=()),
        q5.with_(value_labels=(ValueLabel(value="1", label="满意"),)),
    ):
        assert root_id(SCHEMA.replace(changed), CONTENT) != root
    assert root_id(Schema(columns=SCHEMA.columns[::-1]), CONTENT) != root


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 3},
        {"next_row_id": 70_001},
        {"order": "9" * 64},
        {"ids": {0: "1" * 64}},
        {"columns": {**CONTENT.columns, "c1": {0: "4" * 64, 1: "3" * 64}}},
        {"marks": {}},
        {"marks": {"c2": {1: "7" * 64}}},
    ],
    ids=str,
)
def test_everything_in_the_data_is_part_of_the_root(change: dict[str, object]) -> None:
    assert root_id(SCHEMA, Content(**{**vars(CONTENT), **change})) != root_id(SCHEMA, CONTENT)  # type: ignore[arg-type]


def test_a_field_at_its_default_leaves_no_trace_in_the_hashed_schema() -> None:
    # So that a field added to Column in a later release keeps every older id.
    plain = Schema(columns=(Column(id="c1", name="a", dtype=DType.text, kind=Kind.text),))
    assert schema_json(plain) == b'{"columns":[{"dtype":"text","id":"c1","kind":"text","name":"a"}]}'


def test_people_see_twelve_characters() -> None:
    assert short(commit_id(FACTS)) == "40086f74930c"
