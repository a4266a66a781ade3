"""What a branch may be called: one rule over HTTP, in words and on objects."""

from __future__ import annotations

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from retort_core import names
from retort_core.errors import BadInput
from retort_core.http.datasets import BranchName
from retort_core.resources.crds import KINDS, schema
from retort_core.resources.fields import RULES

GOOD = ("main", "draft 2", "草稿", "kept", "kept-old", "kept-0123456789abc", "task", "a.b", "x" * 100, "a-b")
TAG = names.kept("0123456789ab" + "c" * 52)
STAGED = names.staging("0" * 32)
BAD = ("", " main", "main ", "main\u3000", "a/b", "a\\b", "main~1", "-x", ".x", "a\nb", "main\n", "x" * 101, STAGED, TAG)  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_name_of_a_branch_is_taken_as_it_stands(name: str) -> None:
    assert names.branch(name) == name
    assert TypeAdapter(BranchName).validate_python(name) == name


@pytest.mark.parametrize("name", BAD)
def test_what_names_no_branch_is_refused_and_not_mended(name: str) -> None:
    with pytest.raises(BadInput, match="branch"):
        names.branch(name)


@pytest.mark.parametrize("name", [name for name in BAD if name.strip() == name])
def test_over_http_the_same_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(BranchName).validate_python(name)


def test_over_http_space_around_a_name_is_cut_off_before_any_right_is_asked_for() -> None:
    assert TypeAdapter(BranchName).validate_python(" main ") == "main"


def test_a_tag_and_what_is_staged_have_names_that_no_branch_has() -> None:
    assert TAG == "kept-0123456789ab"
    assert "is the name of a tag" in names.branch_problem(TAG)
    assert "cannot name a branch" in names.branch_problem(STAGED)


def _rules(field: str) -> str:
    kind = next(kind for kind in KINDS if kind.name == "AgentTask")
    return " ".join(one["rule"] for one in schema(kind)["properties"]["spec"]["properties"][field][RULES])


def test_the_definition_of_a_task_has_the_patterns_of_this_rule() -> None:
    """What the API server makes of them is seen on a real one: tests/cluster/test_crds.py."""
    assert f"self.matches(r'^{names.NAME}$') && self == self.trim() && !self.matches(r'^{names.KEPT}$')" in (
        _rules("branch")
    )
    assert f"self.matches(r'^{names.VERSION}$')" in _rules("base")


@pytest.mark.parametrize("text", ["main", "main~", "main~12", TAG, "1aeb28dac059~3", "草稿"])
def test_a_version_is_named_by_a_branch_a_tag_or_an_id(text: str) -> None:
    assert re.fullmatch(names.VERSION, text)


@pytest.mark.parametrize("text", [STAGED, "~1", "main~x", "main~1234567", "-a", "main~1~1"])
def test_what_is_staged_is_no_name_of_a_version(text: str) -> None:
    assert not re.fullmatch(names.VERSION, text)
