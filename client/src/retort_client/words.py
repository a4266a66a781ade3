"""Sentences of the terminal in Chinese and English. Commands and identifiers are never translated."""

from __future__ import annotations

import os
import re

from retort_core.plans import Lang

WORDS: dict[str, tuple[str, str]] = {
    "rows": ("{n} 行", "{n} rows"),
    "columns": ("{n} 列", "{n} columns"),
    "rows-removed": ("删除 {n} 行", "{n} rows removed"),
    "rows-added": ("新增 {n} 行", "{n} rows added"),
    "columns-removed": ("删除 {n} 列", "{n} columns removed"),
    "columns-added": ("新增 {n} 列", "{n} columns added"),
    "columns-changed": ("改动 {n} 列的名称、类型、说明或次序", "{n} columns renamed, retyped, described or moved"),
    "rows-moved": ("{n} 行换了位置", "{n} rows moved"),
    "cells-changed": ("改动 {n} 个单元格", "{n} cells changed"),
    "cells-set-missing": ("其中 {n} 个设为缺失", "{n} of them set missing"),
    "nothing-changed": ("数据没有变化", "no data changed"),
    "answer-with": ("回答：retort answer {choices}，或直接说", "Answer: retort answer {choices}, or say it in words"),
    "approve-with": ("确认：retort approve；放弃：retort approve --no", "Approve: retort approve; refuse: retort approve --no"),
    "undo-with": ("撤销：retort undo", "Undo: retort undo"),
    "assumed": ("按此理解：{text}", "Assumed: {text}"),
    "or-else": ("也可以：{text}", "Or: {text}"),
    "uploading": ("上传", "Uploading"),
    "working": ("处理中", "Working"),
    "of-rows": ("第 {first}–{last} 行，共 {total} 行", "rows {first}–{last} of {total}"),
    "more-columns": ("；另有 {n} 列放不下：-c 列名 只看某些列，retort profile 看全部列", "; {n} more columns do not fit: -c NAME for some, retort profile for all"),
    "part-bases": ("基数与未计入的", "bases and what was left out"),
    "part-counts": ("人数", "counts"),
    "missing": ("缺失", "missing"),
    "invalid": ("无效", "invalid"),
    "valid": ("有效", "valid"),
    "distinct": ("不同值", "distinct"),
    "kind": ("种类", "kind"),
    "range-or-frequent": ("范围 / 最多的值", "range / most frequent"),
    "range": ("{low} – {high}，均值 {mean}", "{low} – {high}, mean {mean}"),
    "column-added": ("新增", "added"),
    "column-removed": ("删除", "removed"),
    "column-renamed": ("改名", "renamed"),
    "column-retyped": ("换了类型", "retyped"),
    "column-annotated": ("说明有变", "described otherwise"),
    "column-moved": ("换了位置", "moved"),
    "column": ("列", "column"),
    "row": ("行", "row"),
    "before": ("之前", "before"),
    "after": ("之后", "after"),
    "more-cells": ("……另有 {n} 个单元格（--limit）", "… {n} more cells (--limit)"),
    "equal": ("两个版本相同", "the two versions are equal"),
    "written": ("已写入 {path}（{size} 字节）", "wrote {path} ({size} bytes)"),
    "export-guarded": ("{n} 个像公式的文本前加了撇号", "{n} texts that look like formulas got an apostrophe"),
    "export-not-in-gbk": (
        "{n} 个字符不在 GBK 里，只认 GBK 的程序会显示错（文件本身没有丢失）",
        "{n} characters are not in GBK; programs that know only GBK show them wrongly (the file holds them)",
    ),
    "export-further-sheets": ("一张表放不下，另有 {n} 张", "one sheet was not enough: {n} further ones"),
    "export-cut-texts": ("{n} 个文本超过 32,767 个字符，已截断", "{n} texts longer than 32,767 characters were cut"),
    "suggestions": ("数据本身的建议（说“好的”或“第 N 个”采用）", "What the data itself suggests (say “ok” or “the Nth”)"),
    "nearest": ("（相近的有：{names}）", " (near: {names})"),
    "no-suggestions": ("没有建议", "no suggestions"),
    "replayed": ("  重放 {title}：原来 {then}，现在 {now}", "  replayed {title}: then {then}, now {now}"),
    "no-effect": ("（没有作用）", " (no effect)"),
    "unseen": ("  「{column}」里没见过的取值：{values}", "  new values in “{column}”: {values}"),
    "read-only": ("只读结果，数据未变", "read-only result, data unchanged"),
    "stale": ("数据已有新版本；这是旧版本上的结果", "the data has moved on; this result belongs to an older version"),
    "exists": ("{path} 已存在，没有覆盖。请换个名字，或加 --force。", "{path} exists; nothing was overwritten. Choose another name or add --force."),
    "extension": ("{path}：扩展名须是 {formats} 之一。", "{path}: the extension must be one of {formats}."),
    "not-written": ("写不了 {path}：{why}。请换个位置。", "{path} cannot be written: {why}. Choose another place."),
    "not-read": ("读不了 {path}：{why}。", "{path} cannot be read: {why}."),
    "which-dataset": (
        "哪个数据集？用 --dataset 或 retort use 名字 来指定（{known}）。",
        "Which dataset? Name one with --dataset or `retort use NAME` ({known}).",
    ),
    "none-yet": ("还没有：retort load 文件", "none yet: retort load FILE"),
    "nothing-open": ("这个对话里没有等待回答的问题。", "Nothing waits for an answer in this conversation."),
    "not-a-yes": (
        "现在等的是回答，不是确认：请用 retort answer。",
        "The open task asks a question, not for a yes: use `retort answer`.",
    ),
    "too-long": (
        "这条指令有 {n} 个字符，最多 {limit} 个；请分成几条短的。",
        "The instruction has {n} characters, at most {limit} are taken; split it into short ones.",
    ),
    "empty-words": ("指令是空的；请说要对数据做什么。", "The instruction is empty; say what should happen to the data."),
    "bad-name": (
        "「{name}」不能用作名字：不能有 ~ / \\ 或控制字符，不能以 - 或 . 开头，最多 100 个字符。",
        "“{name}” cannot be a name: no ~ / \\ or control characters, no - or . at the start, at most 100 characters.",
    ),
    "password": ("密码：", "Password: "),
    "password-again": ("再输一次：", "Again: "),
    "passwords-differ": ("两次输入的密码不同。", "The two passwords differ."),
    "system-admin": ("系统管理员", "administrator of the system"),
    "registered": ("账号「{name}」已开通；用 retort login {name} 登录", "account {name} is open; log in with retort login {name}"),
    "logged-out": ("已退出登录", "logged out"),
    "protected": ("分支「{branch}」现在受保护", "branch {branch} is protected now"),
    "unprotected": ("分支「{branch}」不再受保护", "branch {branch} is no longer protected"),
    "removed": ("已移除 {name}", "removed {name}"),
    "audit-whole": ("{lines} 行审计记录完整无缺", "{lines} lines, the audit is whole"),
}  # fmt: skip


ONE = re.compile(r"(?<![\d,.])(1 (?:row|column|cell|text|character|byte))s\b")  # one row, not one rows


def system_lang() -> Lang:
    """The language of the terminal: Chinese when the locale says so."""
    locale = os.environ.get("RETORT_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "zh" if locale.lower().startswith("zh") else "en"


def lang_of(text: str) -> Lang:
    """The language of an instruction: Chinese as soon as it has a Chinese character."""
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"


def say(key: str, lang: Lang, **values: object) -> str:
    shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
    text = WORDS[key][0 if lang == "zh" else 1].format(**shown)
    return text if lang == "zh" else ONE.sub(r"\1", text)
