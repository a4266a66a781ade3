"""What follows from the catalogue: the schema for language models and the reference page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from retort_plans.catalogue import CATALOGUE, json_schema
from retort_plans.reference_page import render

ALLOWED = {"type", "properties", "required", "additionalProperties", "anyOf", "items", "maxItems", "minItems", "enum", "const", "minimum", "maximum"}  # fmt: skip


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema."""
    yield schema
    for child in [
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", []),
        *([schema["items"]] if "items" in schema else []),
    ]:
        yield from objects(child)


@pytest.mark.parametrize("op", CATALOGUE)
def test_each_operation_is_one_flat_object_decoders_can_hold(op: str) -> None:
    (step,) = json_schema(["年龄", "城市"], only={op})["anyOf"]
    assert step["properties"]["op"]["const"] == op
    for node in objects(step):
        assert set(node) <= ALLOWED
        if node.get("type") == "object":
            assert node["required"] == list(node["properties"])
            assert node["additionalProperties"] is False
        if node.get("type") == "array":
            assert node["maxItems"] <= 20
    assert "$ref" not in json.dumps(step)


def test_columns_are_an_enum_where_a_parameter_names_one_and_text_when_there_are_too_many() -> None:
    narrow = json_schema(["年龄", "城市"], only={"rename_columns", "fill_missing"})["anyOf"]
    rename, fill = narrow[0]["properties"], narrow[1]["properties"]
    assert rename["mapping"]["items"]["properties"]["from"]["enum"] == ["年龄", "城市"]
    assert "enum" not in rename["mapping"]["items"]["properties"]["to"]
    assert fill["columns"]["items"]["enum"] == fill["by"]["items"]["enum"] == ["年龄", "城市"]
    assert json_schema(only={"fill_missing"})["anyOf"][0]["properties"]["columns"]["items"] == {
        "type": "string"
    }


def test_the_schema_of_one_operation_stays_small() -> None:
    sizes = {op: len(json.dumps(json_schema(["年龄"], only={op}))) for op in CATALOGUE}
    assert max(sizes.values()) < 5_000, sizes


def test_the_reference_page_has_every_operation_with_its_parameters_and_both_languages() -> None:
    page = render()
    for name, operation in CATALOGUE.items():
        section = page.partition(f"### `{name}`")[2].partition("\n### ")[0]
        assert section.count("\n- zh: ") == section.count("\n- en: ") == 1, name
        for field in operation.model_json_schema(by_alias=True)["properties"]:
            assert f"| `{field}` |" in section, (name, field)


def test_the_examples_are_plans_that_parse() -> None:
    for operation in CATALOGUE.values():
        assert operation.model_validate(operation.example)
