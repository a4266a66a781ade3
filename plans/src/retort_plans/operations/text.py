"""Operations on texts: spaces, letter case, pieces of a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import ClassVar, Final, Literal

from pydantic import model_validator

from retort_core.plans import Lang
from retort_core.schema import DType, Kind, Schema
from retort_plans import patterns
from retort_plans.emission import Emitter
from retort_plans.operations.base import Loss, Names, Operation, free_name, need, new_column, require_text
from retort_plans.reference import MISSING, SPACES, Cell, Row, Rows, Valid, cell
from retort_plans.syntax import Code, col, when
from retort_plans.wording import listed

# Control and zero-width characters, soft hyphens and byte-order marks: nobody typed them.
INVISIBLE: Final = "[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b-\u200f\u2060\ufeff]"
PRESETS: Final = {
    "number": r"-?[0-9]+(?:\.[0-9]+)?",
    "phone": r"1[3-9][0-9]{9}",
    "email": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
    "chinese": "[\u4e00-\u9fff]+",
    "letters": r"[A-Za-z]+",
}


class TrimText(Operation):
    """Removes surrounding spaces and invisible characters and makes inner runs of spaces one; nothing left is missing."""

    name = "trim_text"
    family = "Text"
    example: ClassVar = {"columns": ["姓名", "城市"]}
    columns: Names

    def check(self, schema: Schema) -> Schema:
        require_text(schema, self.columns)
        return schema

    def emit(self, out: Emitter) -> None:
        entries = []
        for column in self.columns:
            plain = (
                col(column)
                .call("str.replace_all", INVISIBLE, "")
                .call("str.replace_all", f"[{SPACES}]+", " ")
                .call("str.strip_chars", " ")
            )
            entries.append(when(plain.ne(""), plain).call("alias", column))
        out.with_columns(*entries)

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang)
        return (
            f"去掉 {names} 的多余空格和不可见字符"
            if lang == "zh"
            else f"trim spaces and invisible characters in {names}"
        )

    def entitles(self) -> Loss:
        return Loss(cells=frozenset(self.columns))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:  # noqa: ARG002
        return [row.set({c: self._trimmed(row[c]) for c in self.columns}) for row in rows]

    @staticmethod
    def _trimmed(own: Cell) -> Cell:
        if not isinstance(own, Valid) or not isinstance(own.value, str):
            return own
        seen = "".join(char for char in own.value if not patterns.compiled(INVISIBLE).match(char))
        words = "".join(" " if char in SPACES else char for char in seen).split(" ")
        text = " ".join(word for word in words if word)
        return Valid(text) if text else MISSING


class ChangeCase(Operation):
    """Letters to upper, lower or title case (a capital at the start of every word)."""

    name = "change_case"
    family = "Text"
    example: ClassVar = {"columns": ["品牌"], "to": "upper"}
    columns: Names
    to: Literal["upper", "lower", "title"]

    def check(self, schema: Schema) -> Schema:
        require_text(schema, self.columns)
        return schema

    def emit(self, out: Emitter) -> None:
        method = {"upper": "str.to_uppercase", "lower": "str.to_lowercase", "title": "str.to_titlecase"}[
            self.to
        ]
        out.with_columns(*(col(column).call(method).call("alias", column) for column in self.columns))

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang)
        if lang == "zh":
            return f"将 {names} 转为{ {'upper': '大写', 'lower': '小写', 'title': '首字母大写'}[self.to] }"
        return f"{names} to {self.to} case"

    def entitles(self) -> Loss:
        return Loss(cells=frozenset(self.columns))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:  # noqa: ARG002
        def changed(own: Cell) -> Cell:
            if not isinstance(own, Valid) or not isinstance(own.value, str):
                return own
            return Valid({"upper": str.upper, "lower": str.lower, "title": _title}[self.to](own.value))

        return [row.set({c: changed(row[c]) for c in self.columns}) for row in rows]


def _title(text: str) -> str:
    """A letter behind anything but a letter is a capital."""
    before = " " + text
    return "".join(c.lower() if before[at].isalpha() else c.upper() for at, c in enumerate(text))


class ExtractText(Operation):
    """Puts the first match of a pattern into a new text column: its first group, or all of it without groups.

    Presets: number, phone (mainland mobile), email, chinese, letters. Without a match the new cell is missing.
    """

    name = "extract_text"
    family = "Text"
    example: ClassVar = {"column": "地址", "pattern": "", "preset": "phone", "new_name": "电话"}
    column: str
    pattern: str = ""
    preset: Literal["", "number", "phone", "email", "chinese", "letters"] = ""
    new_name: str

    @model_validator(mode="after")
    def _one_of_both(self) -> ExtractText:
        if bool(self.pattern) == bool(self.preset):
            raise ValueError("give either a pattern or a preset")
        return self

    def check(self, schema: Schema) -> Schema:
        require_text(schema, [self.column])
        if self.pattern:
            patterns.check(self.pattern)
        made = new_column(
            free_name(schema, self.new_name), DType.text, Kind.text, [need(schema, self.column).name]
        )
        return schema.insert(made, after=self.column)

    @property
    def _pattern(self) -> str:
        return self.pattern or PRESETS[self.preset]

    @property
    def _group(self) -> int:
        return 1 if patterns.groups(self._pattern) else 0

    def emit(self, out: Emitter) -> None:
        source: Code = col(self.column)
        if self.preset in ("number", "phone", "email", "letters"):
            source = source.call("str.normalize", "NFKC")  # full-width digits and letters
        found = source.call("str.extract", self._pattern, self._group)
        out.with_columns(when(found.ne(""), found).call("alias", self.new_name))
        out.place(self.check(out.schema))

    def explain(self, lang: Lang) -> str:
        if lang == "zh":
            words = {
                "number": "数字",
                "phone": "手机号",
                "email": "邮箱",
                "chinese": "中文",
                "letters": "字母",
            }
            what = words.get(self.preset) or f"“{self.pattern}”"
            return f"从 {self.column} 提取{what}到新列 {self.new_name}"
        return f"new column {self.new_name}: {self.preset or repr(self.pattern)} out of {self.column}"

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        names = self.check(schema).names
        made = []
        for row in rows:
            text = row.value(self.column)
            found: str | None = None
            if isinstance(text, str):
                plain = unicodedata.normalize("NFKC", text) if self.preset not in ("", "chinese") else text
                match = patterns.compiled(self._pattern).search(plain)
                found = (match[self._group] or None) if match else None
            cells = {**row.cells, self.new_name: cell(found)}
            made.append(Row(id=row.id, cells={n: cells[n] for n in names}))
        return made
