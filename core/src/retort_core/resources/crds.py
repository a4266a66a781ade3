"""From the models to what the API server takes: structural schemas and whole CustomResourceDefinitions, as plain dicts.

What pydantic says            what a structural schema needs
$defs, $ref                   everything in its place
anyOf [T, null]               T, and not required
const                         enum of one
title, additionalProperties   nothing: unknown fields are pruned
default of an object          {}: the defaults inside fill it
defaults inside status        none: a status shows what was written and nothing else
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from retort_core.resources.commits import DataCommit
from retort_core.resources.executors import ExecutorProfile
from retort_core.resources.fields import RULES
from retort_core.resources.labels import GROUP, VERSION
from retort_core.resources.tasks import ROOT_RULES, AgentTask

Schema: TypeAlias = dict[str, Any]
_DROPPED: Final = ("title", "additionalProperties", "$defs", "discriminator")
_INT32: Final = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Kind:
    model: type[BaseModel]
    plural: str
    short: str
    columns: tuple[tuple[str, str, str, int], ...]  # name, type, path, priority
    rules: Mapping[str, Any] = field(default_factory=dict)
    scale: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        return self.model.__name__

    @property
    def has_status(self) -> bool:
        return "status" in self.model.model_fields


KINDS: Final = (
    Kind(
        model=AgentTask,
        plural="agenttasks",
        short="at",
        rules=ROOT_RULES,
        columns=(
            ("Dataset", "string", ".spec.datasetName", 0),
            ("Phase", "string", ".status.phase", 0),
            ("Title", "string", ".status.plan.title", 0),
            ("Rows", "integer", ".status.result.counts.rowsAfter", 0),
            ("Message", "string", ".status.message", 1),
            ("Commit", "string", ".status.result.commit", 1),
            ("Requester", "string", ".spec.requester", 1),
            ("Age", "date", ".metadata.creationTimestamp", 0),
        ),
    ),
    Kind(
        model=DataCommit,
        plural="datacommits",
        short="dc",
        columns=(
            ("Dataset", "string", ".spec.datasetName", 0),
            ("Branch", "string", ".spec.branch", 0),
            ("Title", "string", ".spec.title", 0),
            ("Rows", "integer", ".spec.counts.rowsAfter", 0),
            ("Author", "string", ".spec.author", 0),
            ("Commit", "string", ".spec.commit", 1),
            ("Age", "date", ".spec.committedAt", 0),
        ),
    ),
    Kind(
        model=ExecutorProfile,
        plural="executorprofiles",
        short="exp",  # "ep" is an endpoint to kubectl
        columns=(
            ("Idle", "integer", ".spec.replicas", 0),
            ("Ready", "integer", ".status.ready", 0),
            ("Claimed", "integer", ".status.claimed", 0),
            ("Isolated", "string", ".status.conditions[?(@.type=='Isolated')].status", 0),
            ("Image", "string", ".spec.image", 1),
            ("Age", "date", ".metadata.creationTimestamp", 0),
        ),
        scale={
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    ),
)


def definition(kind: Kind) -> Schema:
    """One CustomResourceDefinition."""
    version: Schema = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(*one) for one in kind.columns],
        "schema": {"openAPIV3Schema": schema(kind)},
    }
    subresources: Schema = {"status": {}} if kind.has_status else {}
    if kind.scale is not None:
        subresources["scale"] = dict(kind.scale)
    if subresources:
        version["subresources"] = subresources
    names = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.name.lower(),
        "shortNames": [kind.short],
        "categories": ["retort"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def schema(kind: Kind) -> Schema:
    raw = kind.model.model_json_schema(by_alias=True, mode="validation")
    definitions = raw.get("$defs", {})
    root: Schema = {
        "type": "object",
        "description": (kind.model.__doc__ or "").strip(),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
        },
    }
    for part in raw["properties"]:
        found = structural(raw["properties"][part], definitions)
        root["properties"][part] = found if part == "spec" else _without_defaults(found)
    return {**root, **kind.rules}


def structural(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """`node` as a structural schema, with everything it refers to in its place."""
    node = _resolved(node, definitions)
    found = {key: value for key, value in node.items() if key not in _DROPPED}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if found.get("type") == "integer":
        found.setdefault("format", "int32" if abs(found.get("maximum", 2**63)) <= _INT32 else "int64")
    if "properties" in found:
        found["properties"] = {
            name: structural(child, definitions) for name, child in found["properties"].items()
        }
    if "items" in found:
        found["items"] = structural(found["items"], definitions)
    if isinstance(found.get("default"), dict):
        found["default"] = {}
    if found.get("default", 0) is None:
        del found["default"]
    return found


def _resolved(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Optional values and references replaced by what they mean; the rules of both places are kept."""
    while "$ref" in node or "anyOf" in node:
        rest = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
        if "$ref" in node:
            inner = definitions[node["$ref"].rpartition("/")[2]]
        else:
            (inner,) = (one for one in node["anyOf"] if one.get("type") != "null")
        both = [*inner.get(RULES, ()), *rest.get(RULES, ())]
        node = {**inner, **rest, **({RULES: both} if both else {})}
    return node


def _without_defaults(node: Schema) -> Schema:
    found = {key: value for key, value in node.items() if key != "default"}
    if "properties" in found:
        found["properties"] = {name: _without_defaults(child) for name, child in found["properties"].items()}
    if "items" in found:
        found["items"] = _without_defaults(found["items"])
    return found


def _column(name: str, kind: str, path: str, priority: int) -> Schema:
    found: Schema = {"name": name, "type": kind, "jsonPath": path}
    return {**found, "priority": priority} if priority else found
