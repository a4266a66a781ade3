"""`kubectl retort diff`: versions by the beginnings of the ids that `kubectl retort log` shows, cells from a real service."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from retort_client.kubectl.main import application
from retort_client.problems import Refused


def never(arguments: Any, given: str = "") -> str:
    raise AssertionError(f"kubectl is not asked for cells: {arguments}")


@pytest.fixture(scope="module")
def changed(service: Any) -> tuple[str, str, str]:
    """A dataset, its first version and one without a column and with fewer rows."""
    first = service.upload("kubectl-diff")["status"]["result"]["commit"]
    dropped = service.run("kubectl-diff", {"instruction": {"text": "删除备注列"}})
    assert dropped["phase"] == "Complete", dropped
    return "kubectl-diff", first, dropped["status"]["result"]["commit"]


def diff(service: Any, *arguments: str) -> Any:
    env = {"RETORT_URL": service.url, "RETORT_PROJECT": "default", "COLUMNS": "200", "RETORT_LANG": "en"}
    return CliRunner().invoke(application(never), ["diff", *arguments], env=env)  # type: ignore[arg-type]


def test_two_versions_are_compared_by_the_beginning_of_their_ids(
    service: Any, changed: tuple[str, str, str]
) -> None:
    dataset, older, newer = changed
    done = diff(service, older[:12], newer[:12], "-d", dataset)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0] == f"{older[:12]} → {newer[:12]}"
    assert "− 备注" in done.output


def test_branches_are_named_too_and_json_is_the_whole_difference(
    service: Any, changed: tuple[str, str, str]
) -> None:
    dataset, older, newer = changed
    found = json.loads(diff(service, older, "main", "-d", dataset, "--json").output)
    assert (found["older"], found["newer"]) == (older, newer)
    assert [(one["change"], one["before"]["name"]) for one in found["columns"]] == [("removed", "备注")]


def test_equal_versions_say_so(service: Any, changed: tuple[str, str, str]) -> None:
    dataset, _, newer = changed
    done = diff(service, newer, "main", "-d", dataset)
    assert len(done.output.splitlines()) >= 2
    assert "备注" not in done.output


def test_a_version_that_is_not_there_is_named(service: Any, changed: tuple[str, str, str]) -> None:
    done = diff(service, "0" * 12, "main", "-d", changed[0])
    assert isinstance(done.exception, Refused)
    assert done.exception.problem.code == "not-found"
    assert "0" * 12 in done.exception.message
