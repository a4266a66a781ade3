"""Schema and README of a chart, from its `values.yaml`: names, defaults and types as they stand, sentences from `# --`.

A value whose default is an empty mapping takes any mapping and an empty list any list; everything else is closed, so a
misspelt name is refused by `helm install` instead of ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from bootstrap import ROOT

ENUMS = {
    "pullPolicy": ["Always", "IfNotPresent", "Never"],
    "failurePolicy": ["Fail", "Ignore"],
    "type": ["ClusterIP", "NodePort", "LoadBalancer"],
}
# Of a volume's space the templates take a share, so it is a number they can reckon with.
PATTERNS = {"digest": "^(sha256:[0-9a-f]{64})?$", "spool": "^[1-9][0-9]{0,5}(M|G|T|Mi|Gi|Ti)$"}
_LINE = re.compile(r"^(?P<indent> *)(?:- )?(?P<key>[A-Za-z][A-Za-z0-9]*):")
_COMMENT = re.compile(r"^ *# ?(?P<start>-- )?(?P<text>.*)$")


def described(text: str) -> dict[tuple[str, ...], str]:
    """Path of a value -> the sentences above it. Items of a list share the path of the list with "[]"."""
    found: dict[tuple[str, ...], str] = {}
    path: list[tuple[int, str]] = []
    said: list[str] = []
    for line in text.splitlines():
        comment = _COMMENT.match(line)
        if comment:
            said = [comment["text"]] if comment["start"] else [*said, comment["text"]] if said else []
            continue
        match = _LINE.match(line)
        if match:
            item = line.lstrip().startswith("- ")
            indent = len(match["indent"]) + (2 if item else 0)
            path = [step for step in path if step[0] < indent]
            path.append((indent, match["key"]))
            if said:
                found[tuple(key for _, key in path)] = " ".join(said)
        said = []
    return found


def _schema(value: Any, path: tuple[str, ...], said: dict[tuple[str, ...], str]) -> dict[str, Any]:
    known = {"description": said[path]} if path in said else {}
    if isinstance(value, dict):
        if not value:
            return {**known, "type": "object"}
        properties = {key: _schema(one, (*path, key), said) for key, one in value.items()}
        return {**known, "type": "object", "additionalProperties": False, "properties": properties}
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            item = _schema(value[0], path, said)
            item["required"] = ["name"]
            return {**known, "type": "array", "items": item}
        return {**known, "type": "array", **({"items": {"type": "string"}} if value else {})}
    return {**known, **_scalar(value, path[-1] if path else "")}


def _scalar(value: Any, key: str) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "integer", "minimum": 0}
    if key in ENUMS:
        return {"type": "string", "enum": ENUMS[key]}
    if key in PATTERNS:
        return {"type": "string", "pattern": PATTERNS[key]}
    return {"type": "string"}


def _open(schema: dict[str, Any], value: Any, path: tuple[str, ...] = ()) -> None:
    """What Kubernetes defines is not repeated here: resources take any mapping."""
    for key, one in schema.get("properties", {}).items():
        if key == "resources":
            one.pop("properties", None)
            one.pop("additionalProperties", None)
        else:
            _open(one, value, (*path, key))


def _values(chart: str) -> tuple[Any, dict[tuple[str, ...], str]]:
    text = (Path(ROOT) / "charts" / chart / "values.yaml").read_text()
    return yaml.safe_load(text), described(text)


def schema_of(chart: str) -> str:
    values, said = _values(chart)
    schema = _schema(values, (), said)
    _open(schema, values)
    # Helm adds this mapping to the values of every chart, with whatever a parent chart passes on.
    schema["properties"].setdefault("global", {"type": "object"})
    whole = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"Values of the chart {chart}",
        **schema,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def readme_of(chart: str) -> str:
    values, said = _values(chart)
    about = yaml.safe_load((Path(ROOT) / "charts" / chart / "Chart.yaml").read_text())
    rows = "\n".join(
        f"| `{'.'.join(path)}` | `{json.dumps(value, ensure_ascii=False)}` | {said.get(path, '')} |"
        for path, value in _leaves(values, said)
    )
    intro = (Path(ROOT) / "charts" / chart / "intro.md").read_text()
    return (
        f"# {chart}\n\n{about['description']}\n\nFor Kubernetes {about['kubeVersion'].removesuffix('-0')} with Helm 3.14 or newer.\n\n"
        f"{intro}\n## Values\n\n| value | default | what it is |\n|---|---|---|\n{rows}\n"
    )


def _leaves(
    value: Any, said: dict[tuple[str, ...], str], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value and not (path and path[-1] == "resources"):
        if path in said:
            yield path, {}
        for key, one in value.items():
            yield from _leaves(one, said, (*path, key))
    else:
        yield path, value


def retort_schema() -> str:
    return schema_of("retort")


def retort_readme() -> str:
    return readme_of("retort")


def cluster_schema() -> str:
    return schema_of("retort-cluster")


def cluster_readme() -> str:
    return readme_of("retort-cluster")
