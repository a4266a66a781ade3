"""A service that has no memory for a comparison: it says so, and nothing that needs one is guessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

P = "/api/v1/projects/default"
FILE = "id,city,age\n" + "".join(f"{n},c{n % 3},{20 + n % 40}\n" for n in range(60))


@pytest.fixture(scope="module")
def narrow(start_service: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    service = start_service(tmp_path_factory.mktemp("narrow"), RETORT_COMPARE_BYTES="1")
    yield service
    service.http.close()
    with service.process as process:
        process.terminate()
        assert process.wait(20) == 0


def plan(op: str, **params: Any) -> dict[str, Any]:
    return {"plan": {"plan": {"title": op, "steps": [{"id": "s1", "op": op, "params": params}]}}}


def drop(column: str) -> dict[str, Any]:
    return plan("drop_columns", columns=[column])


def loaded(service: Any, dataset: str) -> str:
    task = service.upload(dataset, FILE.encode())
    assert task["phase"] == "Complete", task["status"]
    return str(service.get(f"{P}/datasets/{dataset}").json()["head"])


def test_versions_too_large_to_compare_are_refused_with_a_way_out(narrow: Any) -> None:
    """Regression: two large uploads and one request for their difference took all the memory of everybody's service."""
    loaded(narrow, "refused")
    assert narrow.run("refused", drop("age"))["phase"] == "Complete"
    path = f"{P}/datasets/refused/diff"
    reply = narrow.get(path, params={"from": "main~1", "to": "main"})
    problem = reply.json()
    assert (reply.status_code, problem["code"]) == (413, "limit-exceeded")
    assert "RETORT_COMPARE_BYTES" in problem["detail"]
    assert narrow.get(path, params={"from": "main", "to": "main"}).json()["tier"] == "same"
    commit = narrow.get(f"{P}/datasets/refused/commits/main").json()
    assert commit["counts"]["columns_removed"] == 1, "what a version says itself is there as ever"


def test_what_cannot_be_compared_may_meet(narrow: Any) -> None:
    base = loaded(narrow, "meets")
    assert narrow.run("meets", drop("age"))["phase"] == "Complete"
    task = narrow.run("meets", drop("city"), base=base)
    failure = task["status"]["failure"]
    assert (task["phase"], failure["code"]) == ("Failed", "conflict")
    assert failure["details"]["overlap"] == "too-many"


def test_a_second_file_is_told_of_and_taken_without_being_compared(narrow: Any) -> None:
    base = loaded(narrow, "files")
    task = narrow.upload("files", FILE.replace("c1", "c9").encode())
    assert task["phase"] == "Failed"
    assert "too large to be compared" in task["status"]["failure"]["message"]
    assert narrow.get(f"{P}/datasets/files").json()["head"] == base
    task = narrow.upload("files", FILE.replace("c1", "c9").encode(), mode="corrected")
    assert task["phase"] == "Complete", task["status"]
    assert "too large" in json.dumps(task["status"]["result"])
