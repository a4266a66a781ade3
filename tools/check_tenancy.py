"""No query goes around the tenant: endpoints and services read rows only through a project or dataset of their scope.

`retort_api.scopes` finds the project and the dataset and asks whether the caller may; everything else must start from
what it found. Held here, by reading the source:

1. The HTTP side (endpoints, services, scopes) imports no tables and runs no SQL of its own.
2. It calls only those functions of repositories whose first argument after the connection is a tenant (`project`,
   `dataset`, `chain`) or something that was found in one (`conversation`, `task`), or that are listed in FREE, with why.
3. In an endpoint that argument is taken from something that was found (`scope.project.id`, `record.id`), never from
   the URL or the body: a plain parameter of the route is a name that the caller chose.
4. The commit log is asked with a dataset that was found, likewise.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bootstrap import ROOT

SOURCE = ROOT / "api" / "src" / "retort_api"
TENANT = {"project", "dataset", "chain"}
FOUND = {"conversation", "task"}  # rows that name their tenant; whoever has one has found it inside
NOT_HTTP = {"runs", "cluster", "local", "mains", "fsck"}
# Functions that take no tenant, and why that is right.
FREE = {
    "projects.repository.find": "looks the project up; scopes asks whether the caller may know of it",
    "projects.repository.page": "is given the ids the caller may see",
    "projects.repository.add": "makes a project",
    "projects.repository.name_of": "is given an id out of the caller's own memberships",
    "datasets.repository.add": "writes a record that was made in a project",
    "datasets.repository.add_upload": "writes a record that was made in a dataset",
    "datasets.session_repository.add": "writes a record that was made in a dataset",
    "datasets.session_repository.parts": "is given a session that was found in the dataset, by its caller",
    "datasets.session_repository.finish": "is given a session that was found in the dataset, by its caller",
    "datasets.session_repository.expired": "sweeps what everybody left behind",
    "datasets.session_repository.forget": "is given a session that was found, or that has expired",
    "datasets.session_repository.forget_parts": "is given parts of such a session",
    "conversations.repository.add": "writes a record that was made in a dataset",
    "templates.repository.add": "writes a record that was made in a project",
    "tasks.repository.add": "writes a record that was made in a dataset",
    "tasks.events.add": "tells of a task that was just made in a dataset",
    "tasks.events.all_kept": "compares a number with the first there is, and shows no event",
    "tasks.repository.save_answer": "changes a task that was found in the project",
    "tasks.repository.save_approval": "changes a task that was found in the project",
    "tasks.repository.cancel": "changes a task that was found in the project",
    "access.member_repository.add_asker": "writes a record that was made in a project",
    "access.member_repository.projects_of": "is asked about the caller's own names",
    "access.repository.by_name": "accounts belong to no project",
}


@dataclass(frozen=True)
class Function:
    name: str
    parameters: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The first parameter after the connection."""
        rest = [name for name in self.parameters if name != "connection"]
        return rest[0] if rest else ""


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(root.rglob("*.py")):
        yield ".".join(path.relative_to(root).with_suffix("").parts), path


def is_repository(module: str) -> bool:
    last = module.rpartition(".")[2]
    return last.endswith("repository") or module in ("commits.results", "tasks.events")


def is_http(module: str) -> bool:
    first, _, last = module.partition(".")[0], "", module.rpartition(".")[2]
    return first not in NOT_HTTP and (
        last.endswith("endpoints") or last in ("service", "session_service", "scopes", "asking", "replies")
    )


def functions(root: Path) -> dict[str, Function]:
    """Every top-level function of the service, by module and name."""
    found = {}
    for module, path in modules(root):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
                arguments = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
                found[f"{module}.{node.name}"] = Function(f"{module}.{node.name}", tuple(arguments))
    return found


def imported(tree: ast.Module, package: str = "retort_api") -> dict[str, str]:
    """Local name -> dotted name inside the package: of modules and of functions."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package:
            base = (node.module or "").removeprefix(package).lstrip(".")
            for alias in node.names:
                names[alias.asname or alias.name] = f"{base}.{alias.name}".lstrip(".")
    return names


class Reader(ast.NodeVisitor):
    """The findings of one module of the HTTP side."""

    def __init__(self, module: str, tree: ast.Module, known: dict[str, Function]) -> None:
        self.module, self.known, self.names = module, known, imported(tree)
        self.endpoint = module.rpartition(".")[2].endswith("endpoints")
        self.given: set[str] = set()  # parameters of the route one is in
        self.findings: list[str] = []
        for name in self.names.values():
            if name.rpartition(".")[0] in ("records", "access.tables", "audit.tables", "cluster.tables"):
                self._find(tree, f"imports the table {name!r}; ask a repository")
        self.visit(tree)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        before = self.given
        self.given = {one.arg for one in node.args.args} if self.endpoint and _is_route(node) else before
        self.generic_visit(node)
        self.given = before

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        target = node.func
        if isinstance(target, ast.Attribute) and _ends_in_log(target.value):
            self._chosen(node.args[0] if node.args else None, "the commit log")
            return
        called = self._called(target)
        function = self.known.get(called)
        if function is None:
            return
        if is_repository(called.rpartition(".")[0]):
            if called not in FREE and function.subject not in TENANT | FOUND:
                self._find(node, f"{called} takes neither a project nor a dataset; add one that does")
                return
        elif function.parameters[:1] in (("scope",), ("base",)):
            return
        if function.subject in TENANT | FOUND and called not in FREE:
            place = function.parameters.index(function.subject)
            self._chosen(node.args[place] if len(node.args) > place else None, called)

    def _called(self, target: ast.expr) -> str:
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            return f"{self.names.get(target.value.id, '?')}.{target.attr}"
        return (
            self.names.get(target.id, f"{self.module}.{target.id}") if isinstance(target, ast.Name) else "?"
        )

    def _chosen(self, argument: ast.expr | None, what: str) -> None:
        if isinstance(argument, ast.Name) and argument.id in self.given:
            self._find(
                argument, f"gives {what} {argument.id!r} as the caller wrote it; use what the scope found"
            )

    def _find(self, node: ast.AST, text: str) -> None:
        self.findings.append(f"{self.module}:{getattr(node, 'lineno', 1)}: {text}")


def _is_route(node: ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and isinstance(one.func.value, ast.Name) and one.func.value.id == "router"
        for one in node.decorator_list
    )  # fmt: skip


def _ends_in_log(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "log" and isinstance(node.value, ast.Attribute)


def findings(root: Path = SOURCE) -> list[str]:
    known = functions(root)
    found = [
        f"FREE names {name!r}, which is not there" for name in FREE if name not in known and root == SOURCE
    ]
    for module, path in modules(root):
        if is_http(module):
            found += Reader(module, ast.parse(path.read_text("utf-8")), known).findings
    return found


def main() -> None:
    found = findings()
    print("\n".join(found) or "every query of the HTTP side starts from a project or dataset of its scope")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
