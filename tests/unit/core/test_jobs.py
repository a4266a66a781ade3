"""Jobs and ends as JSON, and errors that come back as the class they were."""

from __future__ import annotations

import json

import pytest

from retort_core.errors import DataError, Infrastructure, LimitExceeded, RetortError, all_errors
from retort_core.jobs import End, Failure, Job, Limits, Usage


def test_a_job_survives_json() -> None:
    job = Job(
        "a1", "script", {"source": "x", "rows": "carried"}, Limits(seconds=3), ("table", "other"), ("other",)
    )
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"attempt": "a"},
        {"attempt": "a", "kind": "k", "limits": {"secs": 1}},
        {"attempt": "a", "kind": "k", "limits": {"seconds": "soon"}},
        {"attempt": "a", "kind": "k", "limits": {"seconds": 0}},
        {"attempt": "a", "kind": "k", "limits": {"memory_bytes": -1}},
        {"attempt": "a", "kind": "k", "limits": {"seconds": float("nan")}},
        {"attempt": "a", "kind": "k", "inputs": 5},
        {"attempt": "a", "kind": "k", "params": 5},
    ],
)
def test_what_is_no_job_is_an_error(value: dict) -> None:
    with pytest.raises(Infrastructure, match="job"):
        Job.from_json(value)


def test_an_end_survives_json() -> None:
    end = End(Failure("data-error", "Line 3: no", {"line": 3}), Usage(seconds=1.5, peak_bytes=7))
    again = End.from_json(json.loads(json.dumps(end.to_json())))
    assert again == end
    assert not again.ok
    with pytest.raises(DataError, match="Line 3") as caught:
        again.raise_for_error()
    assert caught.value.details == {"line": 3}


def test_success_raises_nothing() -> None:
    End(None, Usage()).raise_for_error()


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.code)
def test_every_error_comes_back_as_itself(kind: type[RetortError]) -> None:
    assert type(Failure.of(kind("m", fact=1)).to_error()) is kind


def test_a_code_of_a_newer_version_is_still_an_error() -> None:
    assert type(Failure("unheard-of", "m").to_error()) is RetortError


def test_details_cannot_displace_the_message() -> None:
    error = Failure("limit-exceeded", "m", {"message": "x", "self": 1, "limit": "time"}).to_error()
    assert isinstance(error, LimitExceeded)
    assert (error.message, error.details) == ("m", {"limit": "time"})


def test_a_forged_end_is_an_error() -> None:
    for value in (
        {},
        {"error": None},
        {"error": {"code": "x"}, "usage": {}},
        {"error": None, "usage": {"x": 1}},
    ):
        with pytest.raises(Infrastructure, match="end"):
            End.from_json(value)
