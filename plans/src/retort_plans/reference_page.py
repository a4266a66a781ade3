"""The reference page of all operations, rendered from the classes themselves: `docs/reference/operations.md`."""

from __future__ import annotations

import inspect
import json
from itertools import groupby
from typing import Any

from retort_plans.catalogue import OPERATIONS
from retort_plans.operations.base import Operation

_HEAD = """# Operations

Every plan is a list of these operations; nothing else can run in one. Written by `make generate` from the operations
themselves. What cells, conditions and figures mean stands in [semantics.md](semantics.md).

A condition is `{"all": […]}`, `{"any": […]}`, `{"not": …}` or `{"column": …, "op": …, "value": …}`; comparisons with
a missing or invalid cell are unknown. An expression is `{"column": …}`, `{"value": …}` or `{"fn": …, "args": […]}`.
"""


def render() -> str:
    """The page in Markdown."""
    sections = [_HEAD]
    ordered = sorted(OPERATIONS, key=lambda op: _families().index(op.family))
    for family, operations in groupby(ordered, key=lambda op: op.family):
        sections += [f"## {family}\n", *(_section(operation) for operation in operations)]
    return "\n".join(sections).rstrip() + "\n"


def _families() -> list[str]:
    return list(dict.fromkeys(operation.family for operation in OPERATIONS))


def _section(operation: type[Operation]) -> str:
    example = operation.model_validate(operation.example)
    reads = "*Read-only: answers, makes no version.*\n\n" if operation.kind == "answer" else ""
    lines = [
        f"### `{operation.name}`\n",
        f"{reads}{inspect.cleandoc(operation.__doc__ or '')}\n",
        "| parameter | takes | default |\n|---|---|---|",
        *(_parameter(name, field) for name, field in _properties(operation).items()),
        "",
        f"```json\n{json.dumps(operation.example, ensure_ascii=False)}\n```\n",
        f"- zh: {example.explain('zh')}",
        f"- en: {example.explain('en')}\n",
    ]
    return "\n".join(lines)


def _properties(operation: type[Operation]) -> dict[str, dict[str, Any]]:
    schema = operation.model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    return {
        name: {**field, "required": name in required, "$defs": schema.get("$defs", {})}
        for name, field in schema["properties"].items()
    }


def _parameter(name: str, field: dict[str, Any]) -> str:
    default = "" if field["required"] else f"`{json.dumps(field.get('default'), ensure_ascii=False)}`"
    return f"| `{name}` | {_takes(field, field['$defs'])} | {default} |"


def _takes(field: dict[str, Any], defs: dict[str, Any]) -> str:
    """A type in words."""
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "$ref" in field:
        return _model(field["$ref"].rpartition("/")[2], defs)
    union = field.get("anyOf") or field.get("oneOf")
    if union:
        words = list(dict.fromkeys(_takes(part, defs) for part in union))
        return " or ".join(
            "number" if word == "whole number" and "number" in words else word for word in words
        )
    if field.get("type") == "array":
        return f"list of {_takes(field.get('items', {}), defs)}"
    kinds = {"string": "text", "boolean": "true or false", "integer": "whole number", "null": "nothing"}
    return kinds.get(field.get("type", ""), str(field.get("type", "any")))


def _model(name: str, defs: dict[str, Any]) -> str:
    if name in ("All", "Any_", "Not", "Compare"):
        return "condition"
    if name in ("ColumnOf", "Constant", "Apply"):
        return "expression"
    definition = defs[name]
    if "properties" not in definition:
        return _takes(definition, defs)
    return "`{" + ", ".join(definition["properties"]) + "}`"
