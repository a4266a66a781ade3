"""Grounding: literals of a plan against the values the data has, whoever wrote the plan.

A literal that is there runs. One whose other spellings are there too asks once: exact only, or the variants as well.
One that matches nothing asks with the nearest values. Labels become their codes (男 → 1). Nothing is corrected
silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from retort_core.errors import StepError
from retort_core.plans import Lang, Step
from retort_core.profiles import Profile
from retort_core.schema import Column, Kind, Schema
from retort_planner import counting
from retort_planner.frames.base import Draft, Part, Way
from retort_planner.text import narrow
from retort_planner.trees import Where
from retort_planner.values import Held, complete, nearest, values_of, variants
from retort_plans.catalogue import CATALOGUE, parse_step

HARMLESS: Final = frozenset(
    {"flag_rows", "conditional_column", "group_aggregate", "describe", "value_counts", "crosstab", "nps"}
)
_EQUALITY: Final = ("eq", "ne", "in", "nin")


@dataclass(frozen=True)
class Literal:
    """One literal of a condition and what the data has for it."""

    column: Column
    value: str
    exact: Held | None
    variants: tuple[Held, ...]
    near: tuple[Held, ...]


def literals_of(where: Where, schema: Schema, profile: Profile | None) -> Iterator[Literal]:
    for leaf in leaves(where):
        column = schema.find(leaf["column"])
        if column is None or leaf["op"] not in _EQUALITY:
            continue
        for value in leaf["value"] if isinstance(leaf["value"], list) else [leaf["value"]]:
            if isinstance(value, str) and not column.dtype.temporal:
                yield look_up(value, column, profile)


def leaves(where: Where) -> list[Where]:
    if "column" in where:
        return [where]
    parts = where.get("all") or where.get("any") or [where["not"]]
    return [leaf for part in parts for leaf in leaves(part)]


def look_up(value: str, column: Column, profile: Profile | None) -> Literal:
    held = values_of(column, profile)
    own = narrow(value)
    exact = next((item for item in held if narrow(item.value) == own), None)
    others = variants(value, held)
    unknown = exact is None and not others and complete(column, profile)
    return Literal(column, value, exact, others, nearest(value, held) if unknown else ())


def coded(where: Where, schema: Schema) -> Where:
    """The condition with labels as codes: 性别是男 compares with 1 when 1 is labelled 男."""
    return rewrite(where, lambda leaf: _coded_leaf(leaf, schema))


def rewrite(where: Where, change: Callable[[Where], Where]) -> Where:
    if "column" in where:
        return change(where)
    for word in ("all", "any"):
        if word in where:
            return {word: [rewrite(part, change) for part in where[word]]}
    return {"not": rewrite(where["not"], change)}


def _coded_leaf(leaf: Where, schema: Schema) -> Where:
    column = schema.find(leaf["column"])
    if (
        column is None
        or not column.value_labels
        or leaf["op"] not in (*_EQUALITY, "contains", "not_contains")
    ):
        return leaf
    codes = {narrow(item.label): item.value for item in column.value_labels}

    def code(value: Any) -> Any:
        found = codes.get(narrow(value)) if isinstance(value, str) else None
        if found is None:
            return value
        return _typed(found) if column.dtype.numeric and column.kind is not Kind.multi else found

    value = leaf["value"]
    return {**leaf, "value": [code(item) for item in value] if isinstance(value, list) else code(value)}


def _typed(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number == int(number) else number


@dataclass(frozen=True)
class Ground:
    """Grounds one draft after the other over the schema each of them meets."""

    profile: Profile | None
    lang: Lang

    def say(self, chinese: str, english: str) -> str:
        return chinese if self.lang == "zh" else english

    def part(self, part: Part, schema: Schema) -> Part:
        """The part with codes for labels; a question when a literal leaves a choice."""
        ways = tuple(replace(way, drafts=self._coded(way.drafts, schema)) for way in part.ways)
        part = replace(part, ways=ways)
        if not part.settled:
            return part
        for at, draft in enumerate(part.ways[0].drafts):
            where = draft.params.get("where")
            if where:
                return self._condition(part, at, where, schema)
        return part

    def _coded(self, drafts: tuple[Draft, ...], schema: Schema) -> tuple[Draft, ...]:
        return tuple(
            Draft(d.op, {**d.params, "where": coded(d.params["where"], schema)})
            if d.params.get("where")
            else d
            for d in drafts
        )

    def _condition(self, part: Part, at: int, where: Where, schema: Schema) -> Part:
        found = list(literals_of(where, schema, self.profile))
        lost = [item for item in found if item.exact is None and (item.near or item.variants)]
        if lost:
            return self._unknown(part, at, where, lost[0], schema)
        varied = [item for item in found if item.variants]
        if varied:
            return self._varied(part, at, where, varied, schema)
        return self._noted(part, where, schema)

    def _noted(self, part: Part, where: Where, schema: Schema) -> Part:
        count = counting.rows_where(where, schema, self.profile)
        if count != 0:
            return part
        note = self.say(
            "按目前的数据，没有一行满足这个条件。", "No row meets this condition as the data stands."
        )
        return replace(part, assumptions=(*part.assumptions, note))

    def _with(self, part: Part, at: int, where: Where) -> tuple[Draft, ...]:
        drafts = list(part.ways[0].drafts)
        drafts[at] = Draft(drafts[at].op, {**drafts[at].params, "where": where})
        return tuple(drafts)

    def _varied(self, part: Part, at: int, where: Where, varied: list[Literal], schema: Schema) -> Part:
        """北京 is there, and so is 北京市."""
        both = where
        for item in varied:
            both = widen(both, item.column.name, item.value, [held.value for held in item.variants])
        words = "、".join(f"{h.value}({h.count})" for item in varied for h in item.variants[:4])
        literal = "、".join(item.value for item in varied)
        exact_way = Way(
            part.ways[0].drafts,
            self.say(f"只要「{literal}」", f"exactly “{literal}”"),
            rows=self._rows(where, schema),
            rule="exact",
        )
        both_way = Way(
            self._with(part, at, both),
            self.say(f"连同 {words}", f"also {words}"),
            rows=self._rows(both, schema),
            rule="variants",
        )
        if part.ways[0].drafts[at].op in HARMLESS:
            note = self.say(
                f"按「{literal}」的原写法计算，没有包括 {words}。",
                f"Only “{literal}” exactly; {words} not included.",
            )
            return replace(
                part, assumptions=(*part.assumptions, note), alternatives=(*part.alternatives, both_way)
            )
        name = varied[0].column.name
        ask = self.say(
            f"「{name}」列里除了「{literal}」还有 {words}，也算在内吗？",
            f"Column “{name}” also has {words}. Include them with “{literal}”?",
        )
        return replace(part, ways=(exact_way, both_way), ask=ask, convention=f"variants:{name}:{literal}")

    def _unknown(self, part: Part, at: int, where: Where, item: Literal, schema: Schema) -> Part:
        """Nothing is called that: the nearest values, or as it was said."""
        close = item.variants or item.near
        ways = []
        for held in close[:3]:
            meant = narrowed(where, item.column.name, item.value, [held.value])
            ways.append(Way(self._with(part, at, meant), held.value, rows=held.count, rule=f"={held.value}"))
        if len(item.variants) > 1:
            every = narrowed(where, item.column.name, item.value, [held.value for held in item.variants])
            words = "、".join(held.value for held in item.variants)
            rows = sum(h.count for h in item.variants)
            ways.insert(0, Way(self._with(part, at, every), words, rows=rows, rule="variants"))
        as_said = self.say(f"就按「{item.value}」（现在 0 行）", f"“{item.value}” as it is (0 rows now)")
        ways.append(Way(part.ways[0].drafts, as_said, rows=self._rows(where, schema), rule="as said"))
        ask = self.say(
            f"「{item.column.name}」列里没有「{item.value}」，是指下面哪个？",
            f"Column “{item.column.name}” has no “{item.value}”. Which of these is meant?",
        )
        return replace(part, ways=tuple(ways), ask=ask, convention=f"value:{item.column.name}:{item.value}")

    def _rows(self, where: Where, schema: Schema) -> int | None:
        return counting.rows_where(where, schema, self.profile)


def widen(where: Where, column: str, value: str, more: list[str]) -> Where:
    """The condition with `more` accepted next to `value`."""
    return narrowed(where, column, value, [value, *more])


def narrowed(where: Where, column: str, value: str, instead: list[str]) -> Where:
    """The condition with `instead` in place of `value`."""

    def change(leaf: Where) -> Where:
        if leaf["column"] != column or leaf["op"] not in _EQUALITY:
            return leaf
        listed = leaf["value"] if isinstance(leaf["value"], list) else [leaf["value"]]
        if value not in listed:
            return leaf
        values = [new for old in listed for new in (instead if old == value else [old])]
        if len(values) == 1:
            return {**leaf, "value": values[0] if not isinstance(leaf["value"], list) else values}
        return {**leaf, "op": {"eq": "in", "ne": "nin"}.get(leaf["op"], leaf["op"]), "value": values}

    return rewrite(where, change)


def advance(drafts: tuple[Draft, ...], schema: Schema) -> Schema:
    """The schema after the drafts, so that the next clause sees their columns. Raises StepError."""
    for number, draft in enumerate(drafts):
        operation = parse_step(Step(id=f"p{number}", op=draft.op, params=draft.params))
        if CATALOGUE[draft.op].kind == "version":
            after = operation.check(schema)
            fresh = {c.name for c in schema.columns}
            schema = Schema(
                columns=tuple(
                    c if c.id or c.name in fresh else c.with_(id=f"new:{c.name}") for c in after.columns
                )
            )
    return schema


__all__ = ["Ground", "Literal", "StepError", "advance", "coded", "leaves", "look_up", "rewrite"]
