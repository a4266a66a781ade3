"""A plan as a script: readable Polars that does the same inside and outside the product.

One block a step under a comment with the step's words. With `row_ids` (how the product runs it) `__row_id` and the
companions of invalid cells travel along; without them it is the script for a plain table.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from retort_core.plans import Lang, Plan, Script
from retort_core.schema import Schema
from retort_plans.emission import TABLE, Emitter
from retort_plans.layout import comment, statement
from retort_plans.simulation import Simulation, simulate

_USAGE = {
    "zh": "运行：python 本文件 输入.parquet 输出.parquet（只需 polars）",
    "en": "Run: python this_file.py input.parquet output.parquet (needs polars only)",
}
_MAIN = {
    "version": """
if __name__ == "__main__":
    import sys

    run(pl.read_parquet(sys.argv[1])).write_parquet(sys.argv[2])
""",
    "answer": """
if __name__ == "__main__":
    import sys

    run(pl.read_parquet(sys.argv[1]))["table"].write_parquet(sys.argv[2])
""",
}
_LISTS = (
    "WIDE = [chr(code) for code in (0x3000, *range(0xFF01, 0xFF5F))]",
    "NARROW = [chr(code) for code in range(0x20, 0x7F)]",
)
_WIDTHS = {
    "zh": ("", "# 比较文字时全角当半角：１ 即 1，Ａ 即 A。", *_LISTS),
    "en": ("", "# Texts are compared with full width as half width: １ is 1, Ａ is A.", *_LISTS),
}
_SIGNATURE = {
    "version": "def run(table: pl.DataFrame) -> pl.DataFrame:",
    "answer": "def run(table: pl.DataFrame) -> dict[str, pl.DataFrame]:",
}


def build_script(
    plan: Plan, schema: Schema, invalid: Iterable[str] = (), lang: Lang = "zh", *, row_ids: bool = True
) -> Script:
    """The script of `plan` on tables of `schema`, in which the columns `invalid` have invalid cells."""
    simulation = simulate(plan, schema)
    out = Emitter(schema, invalid, row_ids=row_ids, lazy=len(simulation.operations) > 1, lang=lang)
    blocks = _blocks(simulation, out, lang)
    lines = [comment(plan.title), comment(_USAGE[lang])]
    lines += [comment(line) for line in plan.assumptions]
    lines += ["import polars as pl", *(_WIDTHS[lang] if out.narrows else ())]
    source = "\n".join([*lines, "", "", _SIGNATURE[simulation.yields], *blocks])
    return Script(source=source + "\n\n" + _MAIN[simulation.yields], rows="carried", yields=simulation.yields)


def _blocks(simulation: Simulation, out: Emitter, lang: Lang) -> list[str]:
    """The body of `run`, indented. Several steps run as one lazy query, so Polars can fuse them."""
    lines: list[str] = []
    if out.lazy:
        out.let(TABLE.call("lazy"))
        lines += _taken(out)
    for number, (operation, schema) in enumerate(
        zip(simulation.operations, simulation.schemas, strict=False), 1
    ):
        out.schema = schema
        operation.emit(out)
        lines += [comment(f"{number}. {operation.explain(lang)}", depth=1), *_taken(out)]
    if not out.returned:
        out.add(ast.Return((TABLE.call("collect") if out.lazy else TABLE).node))
        lines += _taken(out)
    return lines


def _taken(out: Emitter) -> list[str]:
    """The statements so far as indented text; the emitter starts afresh."""
    return [statement(node, depth=1) for node in out.take()]
