"""What people are told, in the language they spoke: every sentence of the service, side by side in both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from retort_core.identity import short
from retort_core.lifecycle.statuses import Counts
from retort_core.plans import Lang

_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "imported": ("已导入 {rows} 行 × {columns} 列。", "Imported {rows} rows × {columns} columns."),
    "appended": ("已追加 {added} 行，现在共 {rows} 行。", "Appended {added} rows; there are {rows} now."),
    "corrected": (
        "已换成更正后的文件并重做 {steps} 条指令：{rows} 行 × {columns} 列。",
        "The corrected file is in and {steps} instructions were replayed: {rows} rows × {columns} columns.",
    ),
    "codebook-read": ("已按「{filename}」补充 {count} 列的说明。", "{count} columns are described by “{filename}” now."),
    "codebook-empty": (
        "「{filename}」没有说明这个数据集里的任何一列。",
        "“{filename}” describes no column of this dataset.",
    ),
    "unchanged": ("没有任何变化，因此没有产生新版本。", "Nothing changed, so there is no new version."),
    "no-row": (
        "没有符合条件的行，数据没有变化，也没有产生新版本。",
        "No row meets the condition; nothing changed and there is no new version.",
    ),
    "answered": ("结果在下面；数据没有改动。", "The result is below; the data is unchanged."),
    "undone": ("已撤销「{title}」，现在是 {head}。", "Undid “{title}”; now at {head}."),
    "redone": ("已恢复「{title}」，现在是 {head}。", "Redid “{title}”; now at {head}."),
    "nothing-to-undo": ("没有可以撤销的操作。", "There is nothing to undo."),
    "nothing-to-redo": ("没有可以恢复的操作。", "There is nothing to redo."),
    "step-undone": (
        "已撤销「{title}」，其后的 {steps} 条指令已重做。",
        "Took back “{title}” and replayed the {steps} instructions after it.",
    ),
    "branched": ("已建立分支「{name}」（不占空间），并切换过去。", "Made branch “{name}” (no data copied) and switched to it."),
    "switched": ("已切换到分支「{name}」。", "Switched to branch “{name}”."),
    "remembered": (
        "记住了，以后在这个项目里都这样：{listed}。说「忘掉这个做法」可以取消。",
        "Noted; from now on in this project: {listed}. Say “forget this convention” to take it back.",
    ),
    "conventions": ("这个项目记住了 {count} 个做法：{listed}。", "This project remembers {count}: {listed}."),
    "no-conventions": ("这个项目还没有记住任何做法。", "This project remembers nothing so far."),
    "no-such-convention": (
        "没有（或不只一个）叫「{which}」的做法；说「有哪些做法」看全部 {count} 个，再说「忘掉第 1 个做法」。",
        "None (or more than one) of the {count} conventions is “{which}”; say “list conventions”, then “forget convention 1”.",
    ),
    "forgotten": ("忘掉了，下次会再问：{listed}。", "Forgotten; it will be asked again: {listed}."),
    "nothing-to-remember": ("没有可以记住的选择。", "There is no choice to remember."),
    "nothing-open": ("现在没有等待回答的问题。", "No question is waiting for an answer."),
    "nothing-to-approve": ("现在没有等待确认的结果。", "No result is waiting for a yes."),
    "only-answers": (
        "这里只能回答下面的问题，别的请另说一句。",
        "Only this can be answered here; say anything else as a message of its own.",
    ),
    "forwarded": ("好的。", "All right."),
    "restored": ("已恢复到版本 {head} 的内容。", "The content of version {head} is back."),
    "no-suggestion": ("没有编号为「{id}」的建议；它也许已经过时。", "There is no suggestion “{id}”; it may be out of date."),
    "suggestions": ("有 {count} 条建议。", "There are {count} suggestions."),
    "no-suggestions": ("没有要建议的处理。", "There is nothing to suggest."),
    "history": ("共有 {count} 个版本。", "There are {count} versions."),
    "profile": ("{rows} 行 × {columns} 列的概况。", "Profile of {rows} rows × {columns} columns."),
    "diff": ("{older} → {newer}：{what}", "{older} → {newer}: {what}"),
    "export": ("可以下载 {format} 文件。", "The {format} file is ready to download."),
    "rows-beyond-words": (
        "将减少 {count} 行，超出了指令所说的范围。确认后才会生效。",
        "{count} rows would go, more than the words say. It takes effect only after a yes.",
    ),
    "columns-beyond-words": (
        "将失去列 {names}，超出了指令所说的范围。确认后才会生效。",
        "The columns {names} would go, which the words do not say. It takes effect only after a yes.",
    ),
    "cells-beyond-words": (
        "列 {names} 中有 {count} 个单元格会改变，超出了指令所说的范围。确认后才会生效。",
        "{count} cells in {names} would change, which the words do not say. It takes effect only after a yes.",
    ),
    "empty-result": ("结果将没有任何行。确认后才会生效。", "No row would be left. It takes effect only after a yes."),
    "always": ("每个结果都要先确认。", "Every result waits for a yes."),
    "replay-misfit": (
        "重做「{title}」时不适用：{why} 没有发布任何内容。",
        "“{title}” no longer fits: {why} Nothing was published.",
    ),
    "base-missing": ("这个数据集还没有数据；请先上传文件。", "This dataset has no data yet; upload a file first."),
    "import-title": ("导入 {filename}", "Import {filename}"),
    "append-title": ("追加 {filename}", "Append {filename}"),
    "corrected-title": ("更正文件 {filename}", "Corrected file {filename}"),
    "codebook-title": ("编码簿 {filename}", "Codebook {filename}"),
    "script-title": ("运行脚本", "Run a script"),
    "undo-step-title": ("撤销「{title}」", "Take back “{title}”"),
    "restore-title": ("恢复到 {head}", "Back to {head}"),
    "cancelled": ("已取消。", "Cancelled."),
    "moved": (
        "分支「{branch}」在此期间已改变：原来是 {expected}，现在是 {head}。",
        "Branch “{branch}” moved meanwhile: it was {expected}, it is now {head}.",
    ),
    "meets-cells": ("两边都改了列 {names} 中的 {cells} 个单元格。", "Both changed {cells} cells in {names}."),
    "meets-rows": ("一边去掉的 {rows} 行，另一边改过。", "One side takes away {rows} rows that the other worked on."),
    "meets-columns": ("两边都动了列 {names}。", "Both changed the columns {names}."),
    "meets-order": ("两边都改了顺序。", "Both changed the order."),
    "meets-too-many": ("改动太多，无法逐格比对。", "There is too much to compare cell by cell."),
    "meets-unrelated": ("两个版本没有共同的行。", "The two have no rows in common."),
    "rebased": (
        "分支在此期间已改变，两边互不相干，已在新版本 {head} 上重做。",
        "The branch had moved meanwhile to {head}; both changed different things, so this was done again on top of it.",
    ),
}  # fmt: skip


def say(name: str, lang: Lang, /, **facts: object) -> str:
    zh, en = _SENTENCES[name]
    shown = {key: f"{value:,}" if type(value) is int else value for key, value in facts.items()}
    return (zh if lang == "zh" else en).format(**shown)


def listed(names: Iterable[str], lang: Lang, most: int = 5) -> str:
    """「甲」、「乙」 or “a”, “b”; the rest as a number."""
    all_names = list(names)
    shown = [f"「{name}」" if lang == "zh" else f"“{name}”" for name in all_names[:most]]
    rest = len(all_names) - most
    if rest > 0:
        shown.append(f"等 {len(all_names)} 列" if lang == "zh" else f"and {rest} more")
    return ("、" if lang == "zh" else ", ").join(shown)


def changed(counts: Counts, lang: Lang) -> str:
    """What a version did, in one sentence, only what is not zero."""
    parts = [
        text
        for count, zh, en in (
            (counts.rows_removed, "减少 {} 行", "{} rows removed"),
            (counts.rows_added, "增加 {} 行", "{} rows added"),
            (counts.columns_removed, "减少 {} 列", "{} columns removed"),
            (counts.columns_added, "增加 {} 列", "{} columns added"),
            (counts.cells_changed, "{} 个单元格改变", "{} cells changed"),
            (counts.cells_set_missing, "其中 {} 个设为空", "{} of them set missing"),
        )
        if count
        for text in [(zh if lang == "zh" else en).format(count)]
    ]
    now = (
        f"现在 {counts.rows_after} 行 × {counts.columns_after} 列"
        if lang == "zh"
        else f"now {counts.rows_after} rows × {counts.columns_after} columns"
    )
    if lang == "zh":
        return "，".join([*parts, now]) + "。"
    sentence = ", ".join([*parts, now]) + "."
    return sentence[0].upper() + sentence[1:]


def done(counts: Counts, commit: str, lang: Lang) -> str:
    return changed(counts, lang) + (
        f"版本 {short(commit)}。" if lang == "zh" else f" Version {short(commit)}."
    )
