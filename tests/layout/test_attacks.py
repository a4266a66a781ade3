"""What the pages claim to be tried has a test of that name, and the matrix of attacks is whole."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import attacks
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/explanation/threat-model.md", "docs/explanation/walls.md", "docs/reference/attack-matrix.md")
NAMED = re.compile(r"tests/[\w/]+(?:\.py)?(?:::\w+)?")
PAIRS = [
    (page, name) for page in PAGES for name in sorted(set(NAMED.findall((ROOT / page).read_text("utf-8"))))
]


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("page", "name"), PAIRS)
def test_a_named_test_exists(page: str, name: str) -> None:
    path, _, function = name.partition("::")
    assert (ROOT / path).exists(), f"{page} names {path}"
    if function:
        assert function in functions(ROOT / path), f"{page} names {function}, which {path} has not"


@pytest.mark.parametrize(("table", "least"), [("| who |", 7), ("| attack |", 16)])
def test_every_claim_of_the_threat_model_names_a_test_function(table: str, least: int) -> None:
    """A folder or a whole module proves no single claim."""
    page = (ROOT / PAGES[0]).read_text("utf-8")
    rows = page.partition(table)[2].partition("\n\n")[0].splitlines()[2:]
    assert len(rows) >= least
    for row in rows:
        assert "::test_" in row.rsplit("|", 2)[1], row


def test_every_declared_attack_can_be_shown_to_be_one() -> None:
    """On the network and between tenants: with every barrier gone it must succeed."""
    for one in attacks.of("network", "tenants"):
        assert attacks.NEITHER in one.out, one.key
        assert attacks.BOTH in one.cells, one.key
    for one in attacks.of("project"):
        assert len(one.cells) > 1 or one.second == attacks.NONE, (
            f"{one.key}: a second barrier that nobody tried"
        )
    keys = [one.key for one in attacks.ATTACKS]
    assert len(set(keys)) == len(keys)


def test_what_was_seen_is_what_is_declared() -> None:
    """The file that the suite writes holds every declared cell, and none that came out wrong."""
    seen = attacks.recorded()
    assert set(seen) == {one.key for one in attacks.ATTACKS}
    for one in attacks.ATTACKS:
        assert set(seen[one.key]) == set(one.cells), one.key
        for cell, word in seen[one.key].items():
            assert not attacks.stands(one, cell, word)
