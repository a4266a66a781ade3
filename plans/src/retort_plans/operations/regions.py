"""Regions in many spellings brought to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.profiles import Profile
from retort_core.schema import Schema
from retort_plans.emission import Emitter
from retort_plans.operations.base import Loss, Names, Operation, require_text
from retort_plans.reference import MISSING, SPACES, Cell, Missing, Row, Rows, Valid
from retort_plans.regions import Level, Region, Style, folded, resolve, table
from retort_plans.syntax import Code, code, col, pl_name
from retort_plans.wording import listed


class Spelling(Model):
    """One spelling, as found in the data, and the name it becomes."""

    from_: str = Field(alias="from")
    to: str

    model_config = {"validate_by_name": True, "validate_by_alias": True, "serialize_by_alias": True}


class StandardizeRegion(Operation):
    """Brings names of Chinese regions (GB/T 2260) to one spelling at the level of province, city or county.

    北京市, beijing and 沪 become 北京 and 上海; renamed places follow their new name (襄樊 is 襄阳). A name of several
    places (朝阳区) and a name of no place stay as they are, or become missing. `mapping` is what the words of a
    dataset come to (filled from its profile); without it the script carries every name of the level.
    """

    name = "standardize_region"
    family = "Standards"
    example: ClassVar = {"columns": ["城市"], "level": "city", "style": "short", "unmatched": "keep"}
    columns: Names
    level: Level = "city"
    style: Style = "short"
    unmatched: Literal["keep", "missing"] = "keep"
    mapping: tuple[Spelling, ...] = Field(default=(), max_length=5000)

    def check(self, schema: Schema) -> Schema:
        require_text(schema, self.columns)
        return schema

    def grounded(self, schema: Schema, profile: Profile | None) -> StandardizeRegion:
        """The same step with the spellings of this dataset, when its profile knows every value."""
        found: list[Spelling] = []
        for column in require_text(schema, self.columns):
            seen = profile.find(column.id) if profile else None
            if seen is None or not seen.complete:
                return self
            found += self.spellings(value.value for value in seen.values)
        unique = {spelling.from_: spelling for spelling in found}
        return self.model_copy(update={"mapping": tuple(unique.values())}) if unique else self

    def spellings(self, values: Iterable[str]) -> list[Spelling]:
        regions = ((value, resolve(value, self.level)) for value in values)
        return [
            Spelling.model_validate({"from": v, "to": r.shown(self.style)})
            for v, r in regions
            if isinstance(r, Region)
        ]

    def _known(self) -> Mapping[str, str]:
        if self.mapping:
            return {folded(spelling.from_): spelling.to for spelling in self.mapping}
        return table(self.level, self.style)

    def emit(self, out: Emitter) -> None:
        known = out.assign("regions", code(dict(self._known())))
        entries: list[Code] = []
        for column in self.columns:
            plain = (
                col(column)
                .call("str.normalize", "NFKC")
                .call("str.replace_all", f"[{SPACES}]", "")
                .call("str.to_lowercase")
            )
            left = col(column) if self.unmatched == "keep" else None
            value = plain.call("replace_strict", known, default=left, return_dtype=pl_name("String"))
            entries += (
                out.cells(column, value) if self.unmatched == "missing" else [value.call("alias", column)]
            )
        out.with_columns(*entries)

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang)
        if lang == "zh":
            level = {"province": "省", "city": "市", "county": "区县"}[self.level]
            style = "简称" if self.style == "short" else "全称"
            tail = "，认不出的设为空" if self.unmatched == "missing" else "，认不出的保留"
            return f"将 {names} 统一为{level}级{style}{tail}"
        tail = "others become missing" if self.unmatched == "missing" else "others stay"
        return f"bring {names} to {self.style} {self.level} names, {tail}"

    def entitles(self) -> Loss:
        return Loss(cells=frozenset(self.columns))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:  # noqa: ARG002
        known = self._known()
        made = []
        for row in rows:
            cells: dict[str, Cell] = {}
            for column in self.columns:
                own = row[column]
                text = own.value if isinstance(own, Valid) and isinstance(own.value, str) else None
                found = known.get(folded(text)) if text is not None else None
                if found is not None:
                    cells[column] = Valid(found)
                elif self.unmatched == "missing" and not isinstance(own, Missing):
                    cells[column] = MISSING
            made.append(row.set(cells))
        return made
