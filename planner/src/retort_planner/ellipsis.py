"""What a later clause leaves out: its verb (fill age with the median, income with the mean), or all but its columns
(去掉姓名首尾空格，邮箱也一样)."""

from __future__ import annotations

import re
from typing import Any, Final

from retort_planner.frames.base import COLUMNS, Draft
from retort_planner.lexicon import cue
from retort_planner.text import has_cjk

# Operation of the clause before -> the verb its neighbour may leave out, in both languages.
_VERBS: Final[dict[str, tuple[str, str]]] = {
    "fill_missing": ("", "fill missing "),
    "rename_columns": ("重命名", "rename "),
    "cast_type": ("", "convert "),
    "drop_columns": ("删除", "drop "),
    "reorder_columns": ("", "move "),
    "change_case": ("", "convert "),
    "sort_rows": ("按", "sort by "),
    "drop_missing": ("删除", "drop "),
}
_DROPS: Final = ("删除", "drop ")
_KEEPS: Final = ("只保留", "keep ")
_LIKEWISE: Final = (
    re.compile(
        rf"^(?:对|把|将)?(?P<cols>{COLUMNS})(?:列)?也(?:是|要|都)?(?:一样|同样|如此|照此|这样|这么|照做|照办|照着)(?:地)?(?:处理|做|弄|办|来)?$"
    ),
    re.compile(rf"^(?:(?:the )?same (?:for|with|to|goes for|applies to)(?: the)?|likewise(?: for)?|and also) (?P<cols>{COLUMNS})$", re.IGNORECASE),
    re.compile(rf"^(?P<cols>{COLUMNS}) (?:too|as well|likewise)$", re.IGNORECASE),
)  # fmt: skip


def with_verb(text: str, last: Draft) -> str | None:
    """`text` with the verb of the clause before; None when it has a verb of its own."""
    if cue("drop", "keep", "fill", "sort", "mark", "rename", "stat", "split", "trim", "cast").search(text):
        return None
    pair = _VERBS.get(last.op)
    if last.op == "filter_rows":
        pair = _DROPS if last.params.get("mode") == "drop" else None
    if pair is None:
        return None
    verb = pair[0] if has_cjk(text) else pair[1]
    return f"{verb}{text}" if verb else None


_ONLY: Final = re.compile(r"只|仅|\b(?:only|just|nothing but)\b", re.IGNORECASE)
_TAKES_AWAY: Final = frozenset({"drop_columns", "drop_missing", "filter_rows", "drop_duplicates"})


def leaves_alone(text: str, drafts: tuple[Draft, ...], after: str) -> bool:
    """「删掉备注，邮箱保留」: after something is taken away, "keep" without "only" means: not this one."""
    kept = len(drafts) == 1 and (
        drafts[0].op == "select_columns"
        or (drafts[0].op == "filter_rows" and drafts[0].params.get("mode") == "keep")
    )
    return kept and after in _TAKES_AWAY and _ONLY.search(text) is None


def likewise(text: str) -> str | None:
    """The columns of 「邮箱也一样」, or None."""
    found = next((m for pattern in _LIKEWISE if (m := pattern.match(text))), None)
    return found.group("cols") if found else None


def repeated(drafts: tuple[Draft, ...], columns: tuple[str, ...]) -> tuple[Draft, ...] | None:
    """The same steps on other columns; None when one of them is not about columns alone."""
    out = [_on(draft, columns) for draft in drafts]
    return tuple(draft for draft in out if draft is not None) if None not in out else None


def _on(draft: Draft, columns: tuple[str, ...]) -> Draft | None:
    params: dict[str, Any] = dict(draft.params)
    if isinstance(params.get("columns"), list) and not params.get("into"):
        return Draft(draft.op, {**params, "columns": list(columns)})
    if (
        isinstance(params.get("column"), str)
        and not params.get("where")
        and not params.get("new_name")
        and len(columns) == 1
    ):
        return Draft(draft.op, {**params, "column": columns[0]})
    return None
