"""Versions in the terminal: the history and its graph, what differs between two, what a version's columns hold."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from retort_client.graph import Node, lanes
from retort_client.rendering.replies import counts, size
from retort_client.rendering.texts import plain
from retort_client.words import say
from retort_core.http.versions import Branch, CellChange, Commit, Diff, Graph
from retort_core.lifecycle.statuses import Counts
from retort_core.plans import Lang
from retort_core.profiles import ColumnProfile, Profile
from retort_core.schema import Column, Kind, Schema

# Kinds whose numbers are quantities; codes and ids are shown by what is most frequent.
QUANTITIES = frozenset({Kind.numeric, Kind.scale, Kind.weight, Kind.duration})


def commit_line(commit: Commit, lang: Lang, refs: Iterable[str] = ()) -> Text:
    line = Text()
    line.append(commit.short, style="cyan")
    for ref in refs:
        line.append(f" ({ref})", style="bold green")
    line.append_text(plain("  " + commit.title))
    changed = counts(commit.counts, lang)
    if changed.plain and commit.parents:
        line.append("  ")
        line.append_text(changed)
    elif not commit.parents:
        line.append(f"  {size(commit.counts, lang)}", style="dim")
    return line


def history(graph: Graph, lang: Lang) -> RenderableType:
    """The graph, newest first; ◆ is where a line begins: a file that was loaded."""
    by_id = {commit.id: commit for commit in graph.commits}
    refs: dict[str, list[str]] = {}
    for branch in graph.branches:
        if branch.kind != "staging":
            refs.setdefault(branch.head, []).append(_ref_name(branch))
    lines = []
    for line in lanes([Node(id=commit.id, parents=commit.parents) for commit in graph.commits]):
        commit = by_id[line.node] if line.node is not None else None
        cells = line.cells.replace("●", "◆") if commit is not None and not commit.parents else line.cells
        text = Text(cells + "  ", style="magenta")
        if commit is not None:
            text.append_text(commit_line(commit, lang, refs.get(commit.id, ())))
        lines.append(text)
    return Group(*lines)


def _ref_name(branch: Branch) -> str:
    return branch.name if branch.kind == "branch" else f"tag: {branch.name}"


def _state(text: str | None, state: str, lang: Lang) -> Text:
    if state == "valid":
        return plain(text or "")
    word = say("missing" if state == "missing" else "invalid", lang)
    return plain(f"{text} ({word})" if text else f"({word})", "dim")


def _cells(cells: Iterable[CellChange], lang: Lang) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for key in ("row", "column", "before", "after"):
        table.add_column(say(key, lang), justify="right" if key == "row" else "left")
    for change in cells:
        old, new = (
            _state(change.before, change.before_state, lang),
            _state(change.after, change.after_state, lang),
        )
        old.stylize("red")
        new.stylize("green")
        table.add_row(str(change.row), plain(change.column), old, new)
    return table


def diff(found: Diff, lang: Lang) -> RenderableType:
    lines: list[RenderableType] = [
        plain(f"{found.older[:12]} → {found.newer[:12]}", "bold"),
        counts(found.counts, lang),
    ]
    for change in found.columns:
        name = change.before or change.after
        sign = {"added": "+", "removed": "−"}.get(change.change, "~")
        after = f" → {change.after.name}" if change.change == "renamed" and change.after else ""
        word = say(f"column-{change.change}", lang)
        lines.append(plain(f"  {sign} {name.name if name else change.column}{after}  {word}"))
    for column, number in sorted(found.cells_by_column.items(), key=lambda pair: -pair[1]):
        lines.append(plain(f"  ~ {column}: {number:,}"))
    removed = [row for row in found.rows if row.change == "removed"][:5]
    for row in removed:
        values = "  ".join(f"{k}={v}" for k, v in list(row.values.items())[:5])
        lines.append(plain(f"  − {say('row', lang)} {row.row}  {values}", "red"))
    if found.cells:
        lines.append(_cells(found.cells, lang))
        left = sum(found.cells_by_column.values()) - len(found.cells)
        if left > 0:
            lines.append(Text(say("more-cells", lang, n=left), style="dim"))
    if len(lines) == 2 and not _changed(found.counts):
        lines.append(Text(say("equal", lang), style="dim"))
    return Group(*lines)


def _changed(found: Counts) -> bool:
    return bool(
        found.rows_added
        or found.rows_removed
        or found.rows_moved
        or found.cells_changed
        or found.columns_added
        or found.columns_removed
        or found.columns_changed
    )


def profile(found: Profile, schema: Schema, lang: Lang) -> RenderableType:
    """A line a column: kind, how many cells are valid, missing and invalid, and what they hold."""
    table = Table(box=None)
    for key in ("column", "kind", "valid", "missing", "invalid", "distinct", "range-or-frequent"):
        right = key in ("valid", "missing", "invalid", "distinct")
        table.add_column(say(key, lang), justify="right" if right else "left")
    for column in schema.columns:
        seen = found.find(column.id)
        if seen is None:
            continue
        figures = (seen.valid, seen.missing, seen.invalid, seen.distinct)
        cells = [plain(column.name), Text(column.kind.value), *(Text(f"{n:,}") for n in figures)]
        table.add_row(*cells, plain(_held(column, seen, lang)))
    return table


def _held(column: Column, seen: ColumnProfile, lang: Lang) -> str:
    """The range of quantities and dates, the most frequent of anything else."""
    if seen.numbers is not None and column.kind in QUANTITIES:
        numbers = seen.numbers
        return say("range", lang, low=f"{numbers.min:g}", high=f"{numbers.max:g}", mean=f"{numbers.mean:.2f}")
    if column.dtype.temporal and seen.min_text:
        return f"{seen.min_text} – {seen.max_text}"
    return "  ".join(f"{value.value} ({value.count:,})" for value in seen.values[:3])
