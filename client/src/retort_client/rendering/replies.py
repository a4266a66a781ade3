"""What came of a task: what was done with counts and notes, a question, a request for a yes, or why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import JsonValue
from rich.console import Group, RenderableType
from rich.text import Text

from retort_client.rendering.texts import plain
from retort_client.words import say
from retort_core.http.tasks import Task
from retort_core.lifecycle.statuses import AskedQuestion, Counts
from retort_core.plans import Lang, Suggestion

NOTE_STYLES = {"error": "red", "warning": "yellow", "info": "dim"}


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
        return _quiet(found, lang)
    text = Text()
    for index, (part, style) in enumerate(parts):
        text.append(("  " if index else "") + part, style=style)
    return text


def _quiet(found: Counts, lang: Lang) -> Text:
    """What changes no value: order, names, descriptions. With other changes it goes without saying."""
    parts = [
        "~ " + say(key, lang, n=value)
        for key, value in (("columns-changed", found.columns_changed), ("rows-moved", found.rows_moved))
        if value
    ]
    return Text("  ".join(parts), "yellow") if parts else Text(say("nothing-changed", lang), "dim")


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
        lines += [counts(status.staged.counts, lang), *notes(status.staged.data)]
        return Group(*lines, asked, Text(say("approve-with", lang), style="dim"))
    if status.result is not None and status.result.commit:
        head = Text("✓ ", style="bold green")
        head.append(status.result.commit[:12], style="cyan")
        head.append_text(plain("  " + (status.plan.title if status.plan else status.message)))
        lines = [head, *lines, *_effect(task, lang)]
        lines += [*notes(status.result.data), *replay(status.result.data, lang)]
    elif status.message:
        lines.append(plain("✓ " + status.message))
    return Group(*lines)


def notes(data: Mapping[str, JsonValue]) -> list[Text]:
    """What a person should know about it: how a file was read, cells that a step could not decide on."""
    found = data.get("notes")
    return [
        plain("  · " + str(note.get("text", "")), NOTE_STYLES.get(str(note.get("severity")), ""))
        for note in (found if isinstance(found, list) else [])
        if isinstance(note, dict)
    ]


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
    if task.source.upload is not None and task.status.message:
        return [plain(task.status.message, "dim")]
    if shown.plain != say("nothing-changed", lang) or (task.status.plan and task.status.plan.explanation):
        return [shown]
    return [Text(size(found, lang), style="dim")] if found.columns_after else []


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
