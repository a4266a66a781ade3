"""Replies of the service as rich renderables: tables, differences, history, questions. Nothing is printed here.

Text from data goes through `Text`, never through markup, so that a cell such as `[red]` or an escape sequence
stays what it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from pydantic import JsonValue
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from retort_client.graph import Node, lanes
from retort_client.words import say
from retort_core.http.tasks import Task
from retort_core.http.versions import Branch, CellChange, Commit, Diff, Graph, TablePage
from retort_core.lifecycle.statuses import AskedQuestion, Counts
from retort_core.plans import Lang, Suggestion

CELL_WIDTH = 40


def plain(text: str, style: str = "") -> Text:
    """Text of a stranger: control and format characters made visible, never interpreted."""
    return Text("".join(c if unicodedata.category(c)[0] != "C" else "·" for c in text), style=style)


def cell(value: JsonValue) -> Text:
    if value is None:
        return Text("·", style="dim")
    if isinstance(value, bool):
        return Text("true" if value else "false")
    if isinstance(value, float):
        return Text(f"{value:.2f}" if value != int(value) else f"{int(value)}")
    return plain(str(value))


def numeric(values: Iterable[JsonValue]) -> bool:
    shown = [value for value in values if value is not None]
    return bool(shown) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in shown)


def table_page(page: TablePage, lang: Lang, title: str = "") -> RenderableType:
    """Rows with their marks: invalid cells show their raw text in red, missing ones a dim dot or their code."""
    marks = {(mark.row, mark.column): mark for mark in page.marks}
    shown = Table(box=box.SIMPLE_HEAD, title=plain(title) if title else None, title_justify="left")
    for index, column in enumerate(page.columns):
        right = numeric(row[index] for row in page.rows)
        shown.add_column(
            plain(column.name),
            justify="right" if right else "left",
            max_width=CELL_WIDTH,
            overflow="ellipsis",
        )
    for number, row in enumerate(page.rows):
        cells = []
        for column, value in zip(page.columns, row, strict=True):
            mark = marks.get((number, column.id)) or marks.get((number, column.name))
            if mark is not None and mark.state == "invalid":
                cells.append(plain(mark.raw or "", "red"))
            elif mark is not None and mark.raw:
                cells.append(plain(mark.raw, "dim strike"))
            else:
                cells.append(cell(value))
        shown.add_row(*cells)
    last = page.offset + len(page.rows)
    where = say("of-rows", lang, first=page.offset + 1 if page.rows else 0, last=last, total=page.total)
    return Group(shown, Text(where, style="dim"))


def counts(found: Counts, lang: Lang) -> Text:
    """What changed, as signs and words: colour is never the only carrier."""
    parts = [
        (sign + say(key, lang, n=value), style)
        for key, value, sign, style in (
            ("rows-removed", found.rows_removed, "− ", "red"),
            ("rows-added", found.rows_added, "+ ", "green"),
            ("columns-removed", found.columns_removed, "− ", "red"),
            ("columns-added", found.columns_added, "+ ", "green"),
            ("cells-changed", found.cells_changed, "~ ", "yellow"),
            ("cells-set-missing", found.cells_set_missing, "  ", "dim"),
        )
        if value
    ]
    if not parts:
        return Text(say("nothing-changed", lang), style="dim")
    text = Text()
    for index, (part, style) in enumerate(parts):
        text.append(("  " if index else "") + part, style=style)
    return text


def size(found: Counts, lang: Lang) -> str:
    return f"{say('rows', lang, n=found.rows_after)} × {say('columns', lang, n=found.columns_after)}"


def question(asked: AskedQuestion, lang: Lang) -> RenderableType:
    lines: list[RenderableType] = [plain("? " + asked.text, "bold yellow")]
    for slot in asked.slots:
        if len(asked.slots) > 1:
            lines.append(plain("  " + slot.text, "yellow"))
        for option in slot.options:
            line = Text("  ")
            line.append(f"[{option.id}] ", style="bold")
            line.append_text(plain(option.label))
            if option.detail:
                line.append_text(plain("  " + option.detail, "dim"))
            if option.rows is not None:
                line.append(f"  ({option.rows:,})", style="dim")
            if option.default:
                line.append("  *", style="bold")
            lines.append(line)
    choices = "+".join(slot.options[0].id for slot in asked.slots)
    lines.append(Text(say("answer-with", lang, choices=choices), style="dim"))
    return Group(*lines)


def task_reply(task: Task, lang: Lang) -> RenderableType:
    """What came of a task: what was done with counts, a question, a request for a yes, or why not."""
    status, lines = task.status, list[RenderableType]()
    if status.plan is not None:
        lines += [plain(f"  {n}. {line}") for n, line in enumerate(status.plan.explanation, start=1)]
        lines += [plain("  " + say("assumed", lang, text=text), "italic") for text in status.plan.assumptions]
        lines += [plain("  " + say("or-else", lang, text=a.label), "dim") for a in status.plan.alternatives]
    if status.failure is not None:
        return Group(*lines, plain("✗ " + status.failure.message, "bold red"))
    if task.phase == "AwaitingInput" and status.question is not None:
        return Group(question(status.question, lang))
    if task.phase == "AwaitingInput" and status.staged is not None:
        asked = plain("? " + status.staged.why, "bold yellow")
        return Group(
            *lines, counts(status.staged.counts, lang), asked, Text(say("approve-with", lang), style="dim")
        )
    if status.result is not None and status.result.commit:
        head = Text("✓ ", style="bold green")
        head.append(status.result.commit[:12], style="cyan")
        head.append_text(plain("  " + (status.plan.title if status.plan else status.message)))
        lines = [head, *lines, *_effect(task, lang), *replay(status.result.data, lang)]
    elif status.message:
        lines.append(plain("✓ " + status.message))
    return Group(*lines)


def replay(data: Mapping[str, JsonValue], lang: Lang) -> list[Text]:
    """Of steps replayed on other data: rows before and after each, then and now, and values nobody had before."""
    lines = []
    steps = data.get("replay")
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict):
            then, now = _rows(step.get("before")), _rows(step.get("after"))
            text = say("replayed", lang, title=str(step.get("title", "")), then=then, now=now)
            lines.append(plain(text + ("" if step.get("effect", True) else say("no-effect", lang)), "dim"))
    unseen = data.get("unseen")
    for column in unseen if isinstance(unseen, list) else []:
        found = column.get("values") if isinstance(column, dict) else None
        if isinstance(column, dict) and isinstance(found, list):
            values = ("、" if lang == "zh" else ", ").join(str(value) for value in found[:10])
            lines.append(
                plain(say("unseen", lang, column=str(column.get("column")), values=values), "yellow")
            )
    return lines


def _rows(found: JsonValue) -> str:
    """`5,257 → 5,200` with the cells that changed."""
    if not isinstance(found, dict):
        return "–"
    rows = f"{found.get('rows_before', 0):,} → {found.get('rows_after', 0):,}"
    cells = found.get("cells_changed")
    return f"{rows} ~{cells:,}" if cells else rows


def _effect(task: Task, lang: Lang) -> list[Text]:
    """Counts of a change; the size of a table that is new; nothing after a move such as an undo."""
    result = task.status.result
    if result is None:
        return []
    found = result.counts
    shown = counts(found, lang)
    if shown.plain != say("nothing-changed", lang) or (task.status.plan and task.status.plan.explanation):
        return [shown]
    return [Text(size(found, lang), style="dim")] if found.columns_after else []


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
    by_id = {commit.id: commit for commit in graph.commits}
    refs: dict[str, list[str]] = {}
    for branch in graph.branches:
        if branch.kind != "staging":
            refs.setdefault(branch.head, []).append(_ref_name(branch))
    lines = []
    for line in lanes([Node(id=commit.id, parents=commit.parents) for commit in graph.commits]):
        text = Text(line.cells + "  ", style="magenta")
        if line.node is not None:
            commit = by_id[line.node]
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
        lines.append(plain(f"  {sign} {name.name if name else change.column}{after}  {change.change}"))
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
        or found.cells_changed
        or found.columns_added
        or found.columns_removed
    )


def suggestions(found: Iterable[Suggestion], lang: Lang) -> RenderableType:
    lines: list[RenderableType] = [Text(say("suggestions", lang), style="bold")]
    for number, suggestion in enumerate(found, start=1):
        line = Text(f"  {number}. ", style="bold")
        line.append_text(plain(suggestion.text))
        line.append_text(plain("  → " + suggestion.action, "cyan"))
        lines.append(line)
    if len(lines) == 1:
        return Text(say("no-suggestions", lang), style="dim")
    return Group(*lines)
