"""Screening of a person's own script: a first line that explains itself, not the wall.

What gets past it still runs confined, without network, files or credentials. Screening refuses early, and in words,
what could only fail there: imports outside the list, ways around Python's surface, a script without `run(table)`.
"""

from __future__ import annotations

import ast
from typing import Final

from retort_core.errors import ScriptRefused

MOST_CHARS: Final = 200_000
MOST_NODES: Final = 50_000
IMPORTS: Final = frozenset(
    {
        "collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "itertools", "json",
        "math", "operator", "polars", "re", "statistics", "string", "textwrap", "typing", "unicodedata", "__future__",
    }
)  # fmt: skip
NAMES: Final = frozenset(
    {
        "open", "eval", "exec", "compile", "__import__", "getattr", "setattr", "delattr", "globals", "locals", "vars",
        "input", "breakpoint", "memoryview", "help", "exit", "quit", "__builtins__", "__loader__", "__spec__",
    }
)  # fmt: skip
# Polars' own ways to files, networks and native code.
ATTRIBUTES: Final = frozenset(
    {
        "plugins", "register_plugin_function", "deserialize", "remote", "Catalog", "SQLContext", "collect_async",
        "attrgetter", "methodcaller", "open", "modules", "system", "popen",
        # modules that allowed modules carry along: json.codecs.open, statistics.sys.modules
        "sys", "os", "io", "builtins", "codecs", "importlib", "inspect", "subprocess", "socket", "ctypes", "types",
    }
)  # fmt: skip
PREFIXES: Final = ("read_", "scan_", "write_", "sink_")


def screen(source: str) -> None:
    """Raises ScriptRefused with the line and what to do instead."""
    if len(source) > MOST_CHARS:
        raise ScriptRefused(f"the script has {len(source)} characters, more than {MOST_CHARS}; shorten it")
    tree = _parsed(source)
    body = [node for node in tree.body if not _is_main(node)]
    nodes = [node for statement in body for node in ast.walk(statement)]
    if len(nodes) > MOST_NODES:
        raise ScriptRefused("the script is too long to check; split it into several")
    for node in nodes:
        for check in (_imports, _names, _attributes):
            check(node)
    _has_run(body)


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise ScriptRefused(
            f"line {error.lineno}: the script is not valid Python: {error.msg}", line=error.lineno
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:  # NUL bytes, absurd nesting
        raise ScriptRefused(f"the script cannot be read as Python: {error}") from None


def _refuse(node: ast.AST, message: str) -> None:
    line = getattr(node, "lineno", 0)
    raise ScriptRefused(f"line {line}: {message}", line=line)


def _is_main(node: ast.stmt) -> bool:
    """`if __name__ == "__main__":` without an else: what a script does outside the product."""
    match node:
        case ast.If(
            test=ast.Compare(
                left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]
            ),
            orelse=[],
        ):
            return True
    return False


def _imports(node: ast.AST) -> None:
    modules: list[str] = []
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = ["." if node.level else node.module or ""]
        for alias in node.names:
            _attribute(node, alias.name)
    for module in modules:
        if module.partition(".")[0] not in IMPORTS or module.startswith("polars."):
            allowed = ", ".join(sorted(IMPORTS - {"__future__"}))
            _refuse(node, f"import of {module} is not allowed; a script can import {allowed}")


def _names(node: ast.AST) -> None:
    if isinstance(node, ast.Name) and (node.id in NAMES or (_dunder(node.id) and node.id != "__name__")):
        _refuse(node, f"{node.id} is not available to a script; work on the table that run(table) is given")


def _attributes(node: ast.AST) -> None:
    if isinstance(node, ast.Attribute):
        _attribute(node, node.attr)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _format_trick(node.value):
        _refuse(node, "a text that reads attributes with format is not allowed")


def _attribute(node: ast.AST, attribute: str) -> None:
    if attribute.startswith("_"):
        _refuse(node, f"{attribute}: names that start with an underscore are not available to a script")
    if attribute in ATTRIBUTES or attribute.startswith(PREFIXES):
        _refuse(node, f"{attribute} is not available: a script reads and writes nothing but its table")


def _dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _format_trick(text: str) -> bool:
    """`"{0.__class__}".format(x)` reaches what attribute checks cannot see."""
    return "{" in text and "__" in text and ".__" in text.replace("[", ".")


def _has_run(body: list[ast.stmt]) -> None:
    runs = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    if not runs:
        raise ScriptRefused("the script must define run(table) and return the new table from it")
    function = runs[-1]
    required = len(function.args.args) + len(function.args.posonlyargs) - len(function.args.defaults)
    keywords = [default for default in function.args.kw_defaults if default is None]
    if required != 1 or keywords:
        _refuse(function, "run must take one argument, the table")
