"""Sentences of the terminal in Chinese and English. Commands and identifiers are never translated."""

from __future__ import annotations

import os

from retort_core.plans import Lang

WORDS: dict[str, tuple[str, str]] = {
    "rows": ("{n} 行", "{n} rows"),
    "columns": ("{n} 列", "{n} columns"),
    "rows-removed": ("删除 {n} 行", "{n} rows removed"),
    "rows-added": ("新增 {n} 行", "{n} rows added"),
    "columns-removed": ("删除 {n} 列", "{n} columns removed"),
    "columns-added": ("新增 {n} 列", "{n} columns added"),
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
    "missing": ("缺失", "missing"),
    "invalid": ("无效", "invalid"),
    "column": ("列", "column"),
    "row": ("行", "row"),
    "before": ("之前", "before"),
    "after": ("之后", "after"),
    "more-cells": ("……另有 {n} 个单元格（--limit）", "… {n} more cells (--limit)"),
    "equal": ("两个版本相同", "the two versions are equal"),
    "written": ("已写入 {path}（{size} 字节）", "wrote {path} ({size} bytes)"),
    "suggestions": ("数据本身的建议（说“好的”或“第 N 个”采用）", "What the data itself suggests (say “ok” or “the Nth”)"),
    "nearest": ("（相近的有：{names}）", " (near: {names})"),
    "no-suggestions": ("没有建议", "no suggestions"),
    "replayed": ("  重放 {title}：原来 {then}，现在 {now}", "  replayed {title}: then {then}, now {now}"),
    "no-effect": ("（没有作用）", " (no effect)"),
    "unseen": ("  「{column}」里没见过的取值：{values}", "  new values in “{column}”: {values}"),
    "read-only": ("只读结果，数据未变", "read-only result, data unchanged"),
    "stale": ("数据已有新版本，此结果仍属于 {commit}", "the data has moved on; this result belongs to {commit}"),
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


def system_lang() -> Lang:
    """The language of the terminal: Chinese when the locale says so."""
    locale = os.environ.get("RETORT_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "zh" if locale.lower().startswith("zh") else "en"


def lang_of(text: str) -> Lang:
    """The language of an instruction: Chinese as soon as it has a Chinese character."""
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"


def say(key: str, lang: Lang, **values: object) -> str:
    shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
    return WORDS[key][0 if lang == "zh" else 1].format(**shown)
