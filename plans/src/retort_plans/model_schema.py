"""The catalogue as a JSON schema for a language model: one step, flat, in the form constrained decoders can hold.

`anyOf` of one object an operation, discriminated by a constant `op`, its parameters beside it; every field required,
every list capped, no references, no recursion (conditions are one level deep, expressions two), no keywords that
decoders ignore or explode on. What a model then says is still checked by `simulate`, like any other plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, get_args

from retort_plans.comparisons import Op
from retort_plans.expressions import Fn
from retort_plans.operations.base import Operation
from retort_plans.references import COLUMN_KEYS

MOST_ITEMS: Final = 20  # small models repeat items without end
Json = dict[str, Any]
# Parameters that name existing columns; a weight and an anchor may also be none, which an enum of columns would refuse.
_COLUMN_KEYS: Final = COLUMN_KEYS - {"weight", "anchor"}
_CONDITION: Final = frozenset({"All", "Any_", "Not", "Compare"})
_EXPRESSION: Final = frozenset({"ColumnOf", "Constant", "Apply"})
_KEPT: Final = frozenset({"type", "enum", "const", "minimum", "maximum", "minItems"})


def step_schema(
    operations: Sequence[type[Operation]], columns: Sequence[str] = (), only: Collection[str] | None = None
) -> Json:
    """Schema of one step `{"op": …, parameters…}`. `columns`: the names columns can have (none: any text)."""
    chosen = [op for op in operations if only is None or op.name in only]
    return {"anyOf": [_operation(op, _text(columns)) for op in chosen]}


def _text(columns: Sequence[str]) -> Json:
    return {"type": "string", "enum": list(columns)} if columns else {"type": "string"}


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _operation(operation: type[Operation], name: Json) -> Json:
    schema = operation.model_json_schema(by_alias=True)
    walk = _Walk(schema.get("$defs", {}), name)
    fields = {key: walk.field(key, value) for key, value in schema.get("properties", {}).items()}
    return _object({"op": {"type": "string", "const": operation.name}, **fields})


class _Walk:
    """Rewrites one operation's pydantic schema."""

    def __init__(self, defs: Mapping[str, Json], name: Json) -> None:
        self.defs = defs
        self.name = name

    def field(self, key: str, schema: Json, owner: str = "") -> Json:
        """The schema of a parameter; names of columns get the enum of them."""
        made = self.node(schema)
        if key in _COLUMN_KEYS or (owner == "Renaming" and key == "from"):
            if made.get("type") == "string":
                return self.name
            if made.get("type") == "array":
                return {
                    **made,
                    "items": self.name,
                    "maxItems": max(MOST_ITEMS, len(self.name.get("enum", ()))),
                }
        return made

    def node(self, schema: Json) -> Json:
        names = _references(schema)
        if names & _CONDITION:
            return _nullable(condition(self.name), schema)
        if names & _EXPRESSION:
            return expression(self.name)
        if "$ref" in schema:
            target = schema["$ref"].rpartition("/")[2]
            return self._definition(target)
        if "anyOf" in schema or "oneOf" in schema:
            return _flat([self.node(part) for part in schema.get("anyOf") or schema["oneOf"]])
        made = {key: value for key, value in schema.items() if key in _KEPT}
        if made.get("type") == "array":
            made["items"] = self.node(schema.get("items", {"type": "string"}))
            made["maxItems"] = min(schema.get("maxItems", MOST_ITEMS), MOST_ITEMS)
        return made

    def _definition(self, target: str) -> Json:
        definition = self.defs[target]
        if "properties" not in definition:
            return self.node(definition)
        return _object({k: self.field(k, v, target) for k, v in definition["properties"].items()})


def _references(schema: Json) -> set[str]:
    """Names of the models a union (or a reference) speaks of."""
    parts = [schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())]
    parts += [inner for part in parts[1:] for inner in part.get("oneOf", ())]
    return {part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part}


def _nullable(made: Json, schema: Json) -> Json:
    return _flat([made, {"type": "null"}]) if {"type": "null"} in schema.get("anyOf", ()) else made


def _flat(parts: list[Json]) -> Json:
    """One `anyOf` without nested ones; plain types in one list, where a number needs no integer beside it."""
    flat = [one for part in parts for one in part.get("anyOf", [part])]
    plain = [kind for one in flat if set(one) == {"type"} for kind in _types(one)]
    types = [kind for kind in dict.fromkeys(plain) if kind != "integer" or "number" not in plain]
    found = [one for one in flat if set(one) != {"type"}]
    if types:
        found.append({"type": types[0] if len(types) == 1 else types})
    return found[0] if len(found) == 1 else {"anyOf": found}


def _types(one: Json) -> list[str]:
    return one["type"] if isinstance(one["type"], list) else [one["type"]]


_SCALAR: Final = {"type": ["string", "number", "boolean"]}


def condition(name: Json) -> Json:
    """`all` or `any` of comparisons, also of a single one; each comparison has its negation."""
    values = {"type": "array", "items": _SCALAR, "maxItems": MOST_ITEMS}
    value = _flat([values, _object({"low": _SCALAR, "high": _SCALAR}), _SCALAR, {"type": "null"}])
    leaf = _object({"column": name, "op": {"type": "string", "enum": list(get_args(Op))}, "value": value})
    several = {"type": "array", "items": leaf, "minItems": 1, "maxItems": 6}
    return {"anyOf": [_object({"all": several}), _object({"any": several})]}


def expression(name: Json) -> Json:
    """A column, a literal, or a function of those; functions nest once."""
    simple = [_object({"column": name}), _object({"value": {"type": ["string", "number"]}})]
    inner = _function({"anyOf": simple})
    return {"anyOf": [*simple, _function({"anyOf": [*simple, inner]})]}


def _function(argument: Json) -> Json:
    whole = {"type": ["integer", "null"]}
    return _object(
        {
            "fn": {"type": "string", "enum": list(get_args(Fn))},
            "args": {"type": "array", "items": argument, "minItems": 1, "maxItems": MOST_ITEMS},
            "digits": whole,
            "at_least": whole,
        }
    )
