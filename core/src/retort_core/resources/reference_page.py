"""The reference page of the custom resources, from the schemas themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retort_core.resources.crds import KINDS, Kind, schema
from retort_core.resources.fields import RULES
from retort_core.resources.labels import API_VERSION


def render() -> str:
    lines = [
        "# Custom resources", "",
        f"`{API_VERSION}`, namespaced, category `retort`. Made from `retort_core.resources`; do not edit.", "",
    ]  # fmt: skip
    for kind in KINDS:
        lines += _kind(kind)
    return "\n".join(lines) + "\n"


def _kind(kind: Kind) -> Iterator[str]:
    found = schema(kind)
    yield from (f"## {kind.name} (`{kind.short}`)", "", found["description"], "")
    yield from ("| field | type | default | what |", "|---|---|---|---|")
    for part in ("spec", "status"):
        if part in found["properties"]:
            yield from _rows(part, found["properties"][part])
    told = list(_rules("", found))
    if told:
        yield from ("", "Held by the API server:", "")
        yield from (f"- {message}{f' (`{path}`)' if path else ''}" for path, message in told)
    yield ""


def _rows(path: str, node: dict[str, Any]) -> Iterator[str]:
    required = node.get("required", ())
    for name, child in node.get("properties", {}).items():
        default = "required" if name in required else _shown(child.get("default"))
        yield f"| `{path}.{name}` | {_type(child)} | {default} | {child.get('description', '')} |"
        yield from _rows(f"{path}.{name}", child)
        if child.get("type") == "array":
            yield from _rows(f"{path}.{name}[]", child["items"])


def _shown(default: Any) -> str:
    return "" if default in (None, "", [], {}) else f"`{default}`"


def _type(node: dict[str, Any]) -> str:
    if "enum" in node:
        return " \\| ".join(f"`{one}`" if one else "empty" for one in node["enum"])
    bounds = [f"≤ {node[key]}" for key in ("maxLength", "maxItems", "maximum") if key in node]
    return " ".join([str(node.get("format", node["type"])), *bounds])


def _rules(path: str, node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for one in node.get(RULES, ()):
        yield path, one["message"]
    for name, child in node.get("properties", {}).items():
        yield from _rules(f"{path}.{name}".lstrip("."), child)
    if "items" in node:
        yield from _rules(f"{path}[]", node["items"])
