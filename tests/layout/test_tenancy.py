"""The lint that keeps queries inside their tenant sees what it is there to see."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = """
async def mine(connection, project, name): ...
async def anybodys(connection, uid): ...
async def said(connection, conversation): ...
"""
ENDPOINT = """
from retort_api.{imported}
from retort_api.things import repository
router = object()

@router.get("/x/{{thing}}")
async def show(scope, thing: str, project: str, conversation: str):
    record = object()
    {line}
"""


@pytest.fixture
def check_tenancy(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import check_tenancy

    yield check_tenancy
    sys.modules.pop("check_tenancy")


@pytest.fixture
def findings(tmp_path: Path, check_tenancy):
    def run(line: str, imported: str = "kit import cursors") -> list[str]:
        folder = tmp_path / "things"
        folder.mkdir(exist_ok=True)
        (folder / "repository.py").write_text(REPOSITORY)
        (folder / "endpoints.py").write_text(ENDPOINT.format(line=line, imported=imported))
        return check_tenancy.findings(tmp_path)

    return run


def test_the_service_keeps_to_it(check_tenancy) -> None:
    assert check_tenancy.findings() == []


@pytest.mark.parametrize("line", [
    "await repository.mine(connection, scope.project.id, thing)",
    "await repository.said(connection, record.id)",
    "await scope.services.log.head(scope.dataset.id, thing)",
])  # fmt: skip
def test_what_starts_from_the_scope_is_right(findings, line: str) -> None:
    assert findings(line) == []


@pytest.mark.parametrize(("line", "said"), [
    ("await repository.anybodys(connection, thing)", "neither a project nor a dataset"),
    ("await repository.anybodys(connection, scope.project.id)", "neither a project nor a dataset"),
    ("await repository.mine(connection, project, thing)", "as the caller wrote it"),
    ("await repository.said(connection, conversation)", "as the caller wrote it"),
    ("await scope.services.log.head(thing, 'main')", "as the caller wrote it"),
])  # fmt: skip
def test_what_goes_around_the_scope_is_found(findings, line: str, said: str) -> None:
    (found,) = findings(line)
    assert said in found


def test_a_table_in_an_endpoint_is_found(findings) -> None:
    (found,) = findings("pass", "records import tasks")
    assert "ask a repository" in found
