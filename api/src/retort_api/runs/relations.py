"""How a file relates to the dataset it was sent to: the same again, more rows of it, or another table.

Decided by what both share: the names of the columns, and the rows that a key finds in both files. It is proposed,
never assumed: a replay on the wrong file is a wrong result that looks right. Blocking; run in threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import JsonValue

from retort_core.changes import Changes
from retort_core.plans import Lang
from retort_tables.diff.tiers import difference
from retort_tables.snapshots.port import SnapshotStore

SAME_COLUMNS: Final = 0.5  # of the dataset's columns: fewer, and it is another table
SAME_ROWS: Final = 0.5  # of the file's rows: as many or more are known, and it is the same file again
MORE_ROWS: Final = 0.1  # as few or fewer are known, and they are more rows


@dataclass(frozen=True, kw_only=True)
class Relation:
    """`rows`: of the new file; `known`: those of them that the dataset's first import has; `by`: the key's name."""

    proposed: Literal["corrected", "append", "new", ""]
    shared: int
    columns: int
    rows: int
    known: int
    by: str
    changes: Changes


def relation(snapshots: SnapshotStore, old: str, new: str) -> Relation:
    """Of the file behind the manifest `new` to the import behind `old`."""
    names = snapshots.schema(old).names
    shared = len(set(names) & set(snapshots.schema(new).names))
    found = difference(snapshots, old, new).difference
    changes = found.changes
    return Relation(
        proposed=_proposed(shared / max(1, len(names)), changes.kept / max(1, changes.rows_after)),
        shared=shared,
        columns=len(names),
        rows=changes.rows_after,
        known=changes.kept,
        by=", ".join(found.key),
        changes=changes,
    )


def _proposed(columns: float, rows: float) -> Literal["corrected", "append", "new", ""]:
    if columns < SAME_COLUMNS:
        return "new"
    if rows >= SAME_ROWS:
        return "corrected"
    return "append" if rows <= MORE_ROWS else ""


_TOO_LARGE: Final = (
    "两份文件太大，无法在此比对：更正用 corrected，追加用 append，另一张表请换个名字。",
    "Both files are too large to be compared here; say corrected or append, or load it under another name.",
)
_PROPOSALS: Final[dict[str, tuple[str, str]]] = {
    "corrected": ("像是更正后的同一份文件：用 corrected（所有步骤在新文件上重做）", "it looks like the same file, corrected: use corrected (every step is replayed on it)"),
    "append": ("像是更多的行：用 append（追加后重做所有步骤）", "it looks like more rows: use append (every step is replayed)"),
    "new": ("像是另一张表：请换个名字另存为新数据集", "it looks like another table: load it under another name"),
    "": ("看不出是更正还是追加：更正用 corrected，追加用 append，另一张表请换个名字", "it may be a correction or more rows: say corrected or append, or load it under another name"),
}  # fmt: skip


def proposal(found: Relation | None, lang: Lang) -> str:
    """What is said instead of loading a file into a dataset that has data already. None: too large to be compared."""
    if found is None:
        kept = (
            "这个数据集已有数据，没有改动它。"
            if lang == "zh"
            else "This dataset has data already; nothing was changed. "
        )
        return kept + _TOO_LARGE[lang == "en"]
    by = _by(found, lang)
    if lang == "zh":
        return (
            f"这个数据集已有数据，没有改动它。新文件有 {found.shared} 列与它同名（共 {found.columns} 列），"
            f"{found.rows:,} 行中有 {found.known:,} 行{by}能对上；{_PROPOSALS[found.proposed][0]}。"
        )
    return (
        f"This dataset has data already; nothing was changed. {found.shared} of its {found.columns} columns are in the "
        f"file, and {found.known:,} of the file's {found.rows:,} rows are known{by}; {_PROPOSALS[found.proposed][1]}."
    )


def compared(found: Relation | None, lang: Lang) -> dict[str, JsonValue]:
    """A note on what a corrected file changed against the file it replaces."""
    if found is None:
        left = (
            "两份文件太大，没有逐格比对。",
            "Both files are too large: what changed between them was not counted.",
        )
        return {"severity": "info", "text": left[lang == "en"]}
    changes, by = found.changes, _by(found, lang)
    added, removed, cells = (f"{n:,}" for n in (changes.added, changes.removed, changes.cells_changed))
    text = (
        f"与原文件相比{by}：改动 {cells} 个单元格，新增 {added} 行，减少 {removed} 行。"
        if lang == "zh"
        else f"Against the file it replaces{by}: {cells} cells changed, {added} rows added, {removed} rows gone."
    )
    return {"severity": "info", "text": text}


def _by(found: Relation, lang: Lang) -> str:
    if not found.by:
        return ""
    return f"（按「{found.by}」）" if lang == "zh" else f" (by “{found.by}”)"
