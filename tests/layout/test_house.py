"""The layout of the repository: traps that must not come back, and the sizes that keep modules readable."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = ["core", "plans", "tables", "planner", "executor-image", "operator", "api", "client"]
SOURCES = sorted(path for member in MEMBERS for path in (ROOT / member / "src").rglob("*.py"))
HARD_LIMIT = 500  # lines of a module


def tracked() -> list[str]:
    return subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.parametrize(
    "folder", ["operator", "api", "tests", "core", "plans", "tables", "planner", "client"]
)
def test_no_member_folder_is_a_package(folder: str) -> None:
    # operator/__init__.py would shadow the standard library's `operator` for anyone with the root on sys.path.
    assert not (ROOT / folder / "__init__.py").exists()


def test_nothing_below_tests_is_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_nothing_sets_pythonpath_to_the_root() -> None:
    texts = [ROOT / "Makefile", ROOT / ".ci" / "run", *(ROOT / "tools").glob("*")]
    assert not [
        path for path in texts if path.is_file() and re.search(r"PYTHONPATH=\.(\s|$)", path.read_text())
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_of_readable_size_and_says_what_it_is(path: Path) -> None:
    source = path.read_text()
    assert source.count("\n") <= HARD_LIMIT, "split it by noun"
    assert ast.get_docstring(ast.parse(source)), "a module opens with what it is, why, and its limits"


def test_the_lock_names_no_download_host() -> None:
    assert "uv.lock" not in tracked()
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"https?://|--index|--find-links", lock.read_text()), lock.name


MODE_WORDS = re.compile(
    r"\b(is_embedded|is_cluster|embedded_mode|cluster_mode|mode == [\"'](embedded|cluster))"
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_adapters_are_chosen_in_mains_only(path: Path) -> None:
    if "mains" not in path.parts:
        assert not MODE_WORDS.search(path.read_text())


def test_core_modules_of_the_wall_need_only_the_standard_library() -> None:
    # PID 1 of a sandbox must start fast and hold nothing that could be confused into loading more.
    code = "import sys, retort_core.supervision; print(sorted({m.partition('.')[0] for m in sys.modules} - sys.stdlib_module_names))"
    python = ROOT / ".venv" / "bin" / "python"
    out = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    outside = {name for name in ast.literal_eval(out) if not name.startswith(("_", "__editable__"))}
    assert outside <= {"retort_core", "sitecustomize"}
