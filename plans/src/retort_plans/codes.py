"""Declared missing codes: how a value is declared in the schema and how its cells are found.

A code matches a cell by its value, or by its text without regard to case, spaces and width. On a typed column a
code that cannot be a value (拒答 on a number) matches the raw text of invalid cells.
"""

from __future__ import annotations

from collections.abc import Sequence

from retort_core.cells import companion, fold
from retort_core.errors import StepError
from retort_core.schema import Column, DType, MissingCode
from retort_plans.emission import Emitter
from retort_plans.literals import stored
from retort_plans.reference import Cell, Invalid, Valid, Value, canonical
from retort_plans.syntax import Code, col, one_of, pl, when


def declare(column: Column, codes: Sequence[tuple[str, str]]) -> Column:
    """`column` with `codes` (text, label) among its missing codes; a label given again replaces the old one."""
    known = {code.value: code.label for code in column.missing_codes}
    labels = {label.value: label.label for label in column.value_labels}
    for text, label in codes:
        value = code_text(text, column)
        known[value] = label or known.get(value) or labels.get(value, "")
    return column.with_(missing_codes=tuple(MissingCode(value=v, label=la) for v, la in known.items()))


def code_text(text: str, column: Column) -> str:
    """The canonical text of a code in `column`: "98.0" is "98" there; what cannot be a value stays as written."""
    value = value_of(text, column)
    return text if value is None else canonical(value)


def value_of(text: str, column: Column) -> Value | None:
    if column.dtype is DType.text:
        return text
    try:
        return stored(text, column)
    except StepError:
        return None


def mark_codes(out: Emitter, name: str, texts: Sequence[str]) -> list[Code]:
    """Entries for `with_columns` that empty the cells of codes."""
    column = out.schema[name]
    if column.dtype is DType.text:
        return out.cells(
            name, pl("lit", None), folded(col(name)).call("is_in", [fold(text) for text in texts])
        )
    values = [value for text in texts if (value := value_of(text, column)) is not None]
    entries = [when(~one_of(col(name), values), col(name)).call("alias", name)] if values else []
    if name in out.invalid:
        raw = col(companion(name))
        test = folded(raw).call("is_in", [fold(text) for text in texts])
        entries.append(when(~test, raw).call("alias", companion(name)))
    return entries


def folded(text: Code) -> Code:
    """`retort_core.cells.fold` in Polars."""
    return text.call("str.normalize", "NFKC").call("str.to_lowercase").call("str.replace_all", r"\s", "")


def is_code(cell: Cell, column: Column, texts: Sequence[str]) -> bool:
    """The reference: whether a cell holds one of the codes."""
    if isinstance(cell, Invalid):
        return fold(cell.raw) in {fold(text) for text in texts}
    if not isinstance(cell, Valid):
        return False
    if isinstance(cell.value, str):
        return fold(cell.value) in {fold(text) for text in texts}
    return cell.value in [value_of(text, column) for text in texts]
