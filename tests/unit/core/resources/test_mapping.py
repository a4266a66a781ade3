"""What the service writes into an AgentTask is what the operator reads out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from retort_core.errors import BadInput
from retort_core.lifecycle.sources import Source
from retort_core.resources.fields import amount
from retort_core.resources.mapping import answer_of, approval_of, source_of, task_source
from retort_core.resources.v1alpha1 import AgentTask, AgentTaskSpec, DataCommit, ExecutorProfile, TaskSource

EXAMPLES = Path(__file__).resolve().parents[4] / "examples" / "resources"
MODELS = {"AgentTask": AgentTask, "DataCommit": DataCommit, "ExecutorProfile": ExecutorProfile}
words = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=50)
plain = st.dictionaries(
    words, st.one_of(words, st.integers(), st.none(), st.lists(words, max_size=3)), max_size=3
)
sources = st.one_of(
    st.builds(lambda text: {"instruction": {"text": text}}, words),
    st.builds(lambda t, p: {"plan": {"plan": {"title": t, "steps": [{"id": "s1", "op": "x", "params": p}]}}}, words, plain),
    st.builds(lambda verb, args: {"command": {"verb": verb, "args": args}}, st.sampled_from(["undo", "branch"]), plain),
    st.builds(lambda source, title: {"script": {"source": source, "title": title}}, words, words),
    st.builds(lambda name, key, o: {"upload": {"upload": "u", "filename": name, "mode": "append", "key": key, "options": o}},
              words, st.lists(words, max_size=2), plain),
    st.builds(lambda n: {"restore": {"commit": f"{n:064x}"}}, st.integers(0, 2**200)),
)  # fmt: skip


@given(sources)
def test_a_source_survives_the_way_through_an_object(raw: dict[str, Any]) -> None:
    source = Source.model_validate(raw)
    sent = json.loads(
        json.dumps(task_source(source).model_dump(mode="json", by_alias=True, exclude_defaults=True))
    )
    assert source_of(TaskSource.model_validate(sent)) == source


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"command": {"verb": "branch", "args": "[1]"}}, "must be a JSON object"),
        ({"command": {"verb": "branch", "args": "{"}}, "spec.source.command.args is not JSON"),
        ({"plan": {"json": '{"title": 3}'}}, "spec.source cannot be used: "),
        ({"plan": {"json": "no plan"}}, "spec.source cannot be used: "),
        ({}, "exactly one of instruction, plan"),
    ],
)
def test_a_source_that_is_none_is_told_with_its_place(raw: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        source_of(TaskSource.model_validate(raw))


def test_what_is_too_large_for_an_object_is_refused_with_both_sizes() -> None:
    source = Source.model_validate({"script": {"source": "汉" * 40_000}})
    with pytest.raises(BadInput, match=r"the script has 120,000 bytes; an AgentTask holds at most 65,536"):
        task_source(source)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_examples_are_of_their_kind_and_misspell_nothing(path: Path) -> None:
    given = json.loads(path.read_text())
    model = MODELS[given["kind"]]
    found = model.model_validate({part: given[part] for part in ("spec", "status") if part in given})
    shown = found.model_dump(mode="json", by_alias=True)

    def covered(part: Any, whole: Any) -> bool:
        if isinstance(part, dict):
            return all(key in whole and covered(value, whole[key]) for key, value in part.items())
        return bool(part == whole)

    assert covered(given["spec"], shown["spec"])
    if given["kind"] == "AgentTask":
        assert source_of(found.spec.source)  # type: ignore[union-attr]


def test_there_is_an_example_of_every_source() -> None:
    found = [json.loads(path.read_text()) for path in EXAMPLES.glob("*.json")]
    kinds = {kind for one in found if one["kind"] == "AgentTask" for kind in one["spec"]["source"]}
    assert kinds == set(TaskSource.model_fields)
    assert {one["kind"] for one in found} == set(MODELS)


def test_answers_and_approvals_keep_their_meaning() -> None:
    spec = AgentTaskSpec.model_validate(
        {
            "source": {"instruction": {"text": "x"}}, "datasetName": "d", "requester": "me",
            "answer": {"questionID": "q", "choice": "a", "scope": "Always"},
            "approval": {"commit": "0" * 64, "decision": "Rejected"},
        }
    )  # fmt: skip
    answer, approval = answer_of(spec.answer), approval_of(spec.approval)
    assert answer is not None
    assert (answer.question, answer.choice, answer.text, answer.remember) == ("q", "a", "", True)
    assert approval is not None
    assert (approval.commit, approval.approved) == ("0" * 64, False)


@pytest.mark.parametrize(
    ("text", "number"), [("500m", 0.5), ("1", 1), ("2Gi", 2 << 30), ("1.5Gi", 3 << 29), ("1k", 1000)]
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str, number: float) -> None:
    assert amount(text) == number


@pytest.mark.parametrize("name", ["a/b", "-a", "~", "", "x" * 101, ".a", "a\nb"])
def test_a_dataset_name_that_no_path_could_hold_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        AgentTaskSpec.model_validate(
            {"source": {"instruction": {"text": "x"}}, "datasetName": name, "requester": "me"}
        )
