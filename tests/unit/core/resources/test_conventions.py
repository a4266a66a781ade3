"""The custom resources keep to the Kubernetes API conventions and to what a structural schema may say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from retort_core.resources.conditions import REASONS, TYPES
from retort_core.resources.crds import KINDS, Kind, definition, schema
from retort_core.resources.fields import RULES
from retort_core.resources.labels import label_value

ALLOWED = {
    "type", "description", "properties", "required", "items", "enum", "default", "format", "pattern", "minLength",
    "maxLength", "minimum", "maximum", "maxItems", RULES, "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
}  # fmt: skip
SPEC_PARTS = [
    (kind, part) for kind in KINDS for part in schema(kind)["properties"] if part in ("spec", "status")
]


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")


def parts(kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in ("spec", "status"):
        if part in schema(kind)["properties"]:
            yield from nodes(schema(kind)["properties"][part], f".{part}")


everywhere = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@everywhere
def test_only_words_of_structural_schemas_are_used(kind: Kind) -> None:
    assert not [(path, set(node) - ALLOWED) for path, node in parts(kind) if set(node) - ALLOWED]


@everywhere
def test_every_node_has_one_type_and_no_booleans_or_floats(kind: Kind) -> None:
    assert not [
        path for path, node in parts(kind) if node.get("type") not in {"object", "array", "string", "integer"}
    ]


@everywhere
def test_every_string_and_list_is_bounded(kind: Kind) -> None:
    loose = [
        path
        for path, node in parts(kind)
        if (node["type"] == "string" and not {"maxLength", "enum", "format"} & set(node))
        or (node["type"] == "array" and "maxItems" not in node)
    ]
    assert not loose


@everywhere
def test_every_field_says_what_it_is(kind: Kind) -> None:
    assert not [path for path, node in parts(kind) if not path.endswith("[]") and not node.get("description")]


@everywhere
def test_names_are_camel_case_and_times_and_durations_say_so(kind: Kind) -> None:
    for path, node in parts(kind):
        name = path.rpartition(".")[2].removesuffix("[]")
        assert re.fullmatch(r"[a-z][A-Za-z]*", name), path
        if node.get("format") == "date-time":
            assert name.endswith(("Time", "At")), path
        if name.lower().endswith(("timeout", "deadline", "ttl", "duration", "interval")):
            pytest.fail(f"{path} has no unit")


@everywhere
def test_status_is_optional_has_no_defaults_and_standard_conditions(kind: Kind) -> None:
    found = schema(kind)
    assert found["required"] == ["spec"]
    if not kind.has_status:
        return
    status = found["properties"]["status"]
    assert not [path for path, node in nodes(status) if "default" in node]
    conditions = status["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    item = conditions["items"]
    assert set(item["properties"]) == {
        "type", "status", "reason", "message", "lastTransitionTime", "observedGeneration",
    }  # fmt: skip
    assert set(item["required"]) == {"type", "status", "reason", "message", "lastTransitionTime"}
    assert "observedGeneration" in status["properties"]


@everywhere
def test_every_rule_has_a_message_and_fits(kind: Kind) -> None:
    for _, node in [("", schema(kind)), *parts(kind)]:
        for rule in node.get(RULES, ()):
            assert rule["message"]
            assert rule["rule"].count("(") == rule["rule"].count(")")


@everywhere
def test_a_rule_that_looks_at_the_status_lets_writes_of_the_status_pass(kind: Kind) -> None:
    """Or asks only whether there is one, which every such write answers."""
    for one in schema(kind).get(RULES, ()):
        rule = one["rule"]
        assert rule.startswith("self.spec == oldSelf.spec || ") or rule.endswith(" || has(self.status)")


def test_what_nobody_asked_for_is_refused_where_no_rule_of_changes_is_looked_at() -> None:
    """Rules that name `oldSelf` are skipped when an object is made."""
    (task,) = (kind for kind in KINDS if kind.name == "AgentTask")
    made = [one["rule"] for one in schema(task)[RULES] if "oldSelf" not in one["rule"]]
    assert made == [f"!has(self.spec.{name}) || has(self.status)" for name in ("answer", "approval")]


@everywhere
def test_definition_has_columns_a_category_and_a_short_name(kind: Kind) -> None:
    found = definition(kind)
    (version,) = found["spec"]["versions"]
    assert found["spec"]["names"]["categories"] == ["retort"]
    assert found["spec"]["names"]["shortNames"]
    assert version["additionalPrinterColumns"][-1]["name"] == "Age"
    assert ("status" in version.get("subresources", {})) is kind.has_status
    assert len(json.dumps(found)) < 60_000  # three of them and a chart stay far below the 1 MiB of a release


@everywhere
def test_printer_columns_and_scale_point_at_fields_that_exist(kind: Kind) -> None:
    known = {path for path, _ in parts(kind)}
    paths = [path for _, _, path, _ in kind.columns] + list((kind.scale or {}).values())
    for path in paths:
        plain = path.partition("[")[0]
        assert plain in known or plain == ".metadata.creationTimestamp", path


def test_every_condition_and_reason_has_a_sentence() -> None:
    sentences = [one for table in (TYPES, REASONS) for found in table.values() for one in found.values()]
    assert all(one[0].isupper() and one.endswith(".") for one in sentences)


def test_reasons_that_decisions_give_are_documented() -> None:
    import inspect

    from retort_core.lifecycle import tasks

    told = set(re.findall(r'(?:condition|without|fail)\([^()]*?"([A-Z][A-Za-z]+)"', inspect.getsource(tasks)))
    known = set(REASONS["AgentTask"]) | {"True", "False", "Failed"}
    assert told <= known, told - known


@pytest.mark.parametrize("text", ["people", "v1.2_x", "调查", "a" * 64, "-x", "x y", "../.."])
def test_label_values_are_valid_whatever_the_name(text: str) -> None:
    found = label_value(text)
    assert re.fullmatch(r"(?=.{1,63}$)[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?", found)
    assert found == text or found.startswith("x")
