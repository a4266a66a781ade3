"""All SQL stands in repositories; every route has a rule."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import retort_api
from retort_api.access.rules import RULES
from retort_api.app import ROUTERS, check_rules

SOURCE = Path(retort_api.__file__).parent
STATEMENTS = {"select", "insert", "update", "delete", "text", "func"}
REPOSITORIES = {"repository.py", "results.py", "events.py", "leases.py"}
ENGINES = {
    "postgres",
    "migrations",
}  # how a server is talked to, and how its tables come about: no rows of a slice


def test_only_repositories_write_sql() -> None:
    for path in SOURCE.rglob("*.py"):
        if ENGINES & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
                used = {alias.name for alias in node.names} & STATEMENTS
                assert not used or path.name in REPOSITORIES or path.name.endswith("_repository.py"), (
                    f"{path}: {used}"
                )


def test_a_route_without_a_rule_does_not_start() -> None:
    check_rules(ROUTERS)
    rule = RULES.popitem()
    try:
        with pytest.raises(RuntimeError, match=re.escape(rule[0][1])):
            check_rules(ROUTERS)
    finally:
        RULES[rule[0]] = rule[1]
